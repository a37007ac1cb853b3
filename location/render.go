package location

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// file is a report as JSON: readable, and as it was signed.
type file struct {
	Report Report `json:"report"`
	JWS    string `json:"jws"`
}

// JSON is the report as a file: the object report, and the string jws, whose payload
// is that object.
func JSON(r Report, jws string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(file{r, jws}); err != nil {
		return nil, fmt.Errorf("location report: %w", err)
	}
	return b.Bytes(), nil
}

// signatureRecord begins the last record of a report as CSV.
const signatureRecord = "signature"

var columns = []string{"number", "issued", "tenant", "person", "account", "kind", "items", "bytes", "site", "operator", "country",
	"place", "part", "store", "state", "copies", "evidence", "evidence_at"}

// CSV is the report as RFC 4180 describes: a record of names, a record for each row
// and one with the signature.
func CSV(r Report, jws string) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	records := [][]string{columns}
	for _, row := range r.Rows {
		at := ""
		if !row.EvidenceAt.IsZero() {
			at = row.EvidenceAt.UTC().Format(time.RFC3339)
		}
		records = append(records, []string{strconv.FormatInt(r.Number, 10), r.Issued.UTC().Format(time.RFC3339), r.Tenant, r.Person,
			row.Account, row.Kind, strconv.FormatInt(row.Items, 10), strconv.FormatInt(row.Bytes, 10), row.Site, row.Operator,
			row.Country, row.Place, string(row.Part), row.Store, string(row.State), copiesText(row.Copies), row.Evidence, at})
	}
	for _, record := range append(records, []string{signatureRecord, jws}) {
		for i := range record {
			record[i] = cell(record[i])
		}
		if err := w.Write(record); err != nil {
			return nil, fmt.Errorf("location report: %w", err)
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// cell keeps a spreadsheet from taking a name for a formula.
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

func copiesText(list []Copy) string {
	words := make([]string, len(list))
	for i, c := range list {
		place := "not declared"
		if c.Operator != "" {
			place = c.Operator + ", " + c.Place + ", " + c.Country
		}
		words[i] = fmt.Sprintf("%s %s (%s): %s", c.What, c.Name, place, c.State)
	}
	return strings.Join(words, "; ")
}
