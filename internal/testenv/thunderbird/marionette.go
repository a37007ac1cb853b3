package thunderbird

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// marionette is a connection to Thunderbird's remote control. Its protocol
// (version 3) is JSON with a length in front: 11:[0,1,"name",{}].
type marionette struct {
	conn net.Conn
	r    *bufio.Reader
	id   int
}

// dialMarionette waits for the greeting and opens a session in the program's own
// windows, where scripts may do what the program does.
func dialMarionette(address string) (*marionette, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	m := &marionette{conn: conn, r: bufio.NewReader(conn)}
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := m.read(); err != nil {
		conn.Close()
		return nil, fmt.Errorf("greeting: %w", err)
	}
	for _, c := range []struct {
		name   string
		params any
	}{
		// No dialogue is answered by the driver: one that opens is a failure to see.
		{"WebDriver:NewSession", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{"unhandledPromptBehavior": "ignore"}}}},
		{"Marionette:SetContext", map[string]any{"value": "chrome"}},
		{"WebDriver:SetTimeouts", map[string]any{"script": scriptTimeout.Milliseconds()}},
	} {
		if err := m.command(c.name, c.params, nil); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return m, nil
}

// scriptTimeout bounds one step, on a machine under load.
const scriptTimeout = 2 * time.Minute

func (m *marionette) read() ([]byte, error) {
	head, err := m.r.ReadString(':')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(head, ":"))
	if err != nil || n < 0 || n > 16<<20 {
		return nil, fmt.Errorf("length %q", head)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(m.r, b)
	return b, err
}

func (m *marionette) command(name string, params, result any) error {
	m.id++
	text, err := json.Marshal([]any{0, m.id, name, params})
	if err != nil {
		return err
	}
	_ = m.conn.SetDeadline(time.Now().Add(scriptTimeout + 10*time.Second))
	if _, err := fmt.Fprintf(m.conn, "%d:%s", len(text), text); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	text, err = m.read()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	var kind, id int
	var fault *struct{ Error, Message string }
	var value json.RawMessage
	if err := json.Unmarshal(text, &[]any{&kind, &id, &fault, &value}); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	switch {
	case id != m.id:
		return fmt.Errorf("%s: the answer to %d came for %d", name, m.id, id)
	case fault != nil:
		return fmt.Errorf("%s: %s: %s", name, fault.Error, fault.Message)
	case result == nil:
		return nil
	}
	return json.Unmarshal(value, result)
}

// run evaluates an async function's body in the main window; what it returns is
// read into result.
func (m *marionette) run(body string, result any, args ...any) error {
	script := `const [args, done] = [Array.from(arguments).slice(0, -1), arguments[arguments.length - 1]];
(async () => {` + prelude + body + `})().then(v => done({value: v === undefined ? null : v}), e => done({fault: String(e) + "\n" + (e && e.stack)}));`
	var out struct {
		Value struct {
			Value json.RawMessage `json:"value"`
			Fault string          `json:"fault"`
		} `json:"value"`
	}
	if args == nil {
		args = []any{}
	}
	err := m.command("WebDriver:ExecuteAsyncScript", map[string]any{
		"script": script, "args": args, "sandbox": "system", "newSandbox": false,
	}, &out)
	if err != nil {
		return err
	}
	if out.Value.Fault != "" {
		return fmt.Errorf("script: %s", out.Value.Fault)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(out.Value.Value, result)
}
