package location

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
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

// laterColumns came after reports had been made without them.
var laterColumns = []string{"standby", "until", "subject"}

// CSV is the report as RFC 4180 describes: a record of names, a record for each row
// and one with the signature.
func CSV(r Report, jws string) ([]byte, error) {
	return table(r, jws, slices.Concat(columns, laterColumns))
}

// table is a report with columns that begin as columns do.
func table(r Report, jws string, columns []string) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	records := [][]string{columns}
	for _, row := range r.Rows {
		record := []string{strconv.FormatInt(r.Number, 10), r.Issued.UTC().Format(time.RFC3339), r.Tenant, r.Person,
			row.Account, row.Kind, strconv.FormatInt(row.Items, 10), strconv.FormatInt(row.Bytes, 10), row.Site, row.Operator,
			row.Country, row.Place, string(row.Part), row.Store, string(row.State), copiesText(row.Copies), row.Evidence, moment(row.EvidenceAt),
			row.Standby, moment(row.Until), r.Subject}
		records = append(records, record[:len(columns)])
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

// moment is a time, or nothing where there is none.
func moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
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
