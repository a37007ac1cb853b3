#!/usr/bin/env python3
"""Verify location reports: verify_report.py KEY.pem REPORT... (oldest first; needs python3-cryptography)"""
import base64, hashlib, json, re, sys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key
def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
key, follows, before = load_pem_public_key(open(sys.argv[1], "rb").read()), None, {}
for name in sys.argv[2:]:
    text = open(name, encoding="utf-8").read()
    jws = re.findall(r"eyJ[\w-]+\.[\w-]+\.[\w-]+", text, re.ASCII)[-1]
    header, payload, signature = jws.split(".")
    if [json.loads(decode(header)).get(k) for k in ("alg", "typ")] != ["EdDSA", "fachwerk-location-report"]:
        sys.exit(name + ": this is no location report")
    try: key.verify(decode(signature), (header + "." + payload).encode())
    except InvalidSignature: sys.exit(name + ": the signature does not fit")
    report = json.loads(decode(payload))
    if text.lstrip().startswith("{") and json.loads(text)["report"] != report:
        sys.exit(name + ": the file does not show what was signed")
    names = ["subject"] if "subject" in before and "subject" in report else ["tenant", "person"]
    if before and any(before.get(n) != report.get(n) for n in names):
        sys.exit(name + ": it is about somebody else")
    number = report["number"] or "that was not kept"  # then it is no link of the chain
    if report["number"] and follows and follows != (number, report.get("previous")):
        sys.exit(name + ": it does not follow the report before")
    follows = report["number"] and (number + 1, hashlib.sha256(jws.encode()).hexdigest()) or follows
    before = report
    print(f"{name}: report {number} of {report['issued']}, {report.get('person') or report['tenant']}: the signature fits")
    for r in report["rows"]:
        print(f"  {r['kind']}: {r['items']} items, {r['bytes']} bytes, {r['site']}, {r['operator']}, {r['country']}: {r['state']}")
