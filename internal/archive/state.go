package archive

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"syscall"
)

// known is a file that an export wrote.
type known struct {
	Key    string `json:"key"`
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// state remembers, across runs and kills, which content is in which file. A line is
// added before a file gets its name, so no file of ours is unknown; what a line says
// counts only if the file is there with its size.
type state struct {
	f   *folder
	mu  sync.Mutex
	log *os.File
	w   *bufio.Writer
	by  map[string]known // by key
	own map[string]bool  // every path that was ever noted in this run
}

const stateName = stateFolder + "/state.json"

// openState reads what a killed run left, or the manifest of one that ended.
func openState(f *folder, h Header) (s *state, err error) {
	s = &state{f: f, by: map[string]known{}, own: map[string]bool{}}
	if err := s.fromManifest(h); err != nil {
		return nil, err
	}
	if err := s.fromLog(h); err != nil {
		return nil, err
	}
	s.log, err = f.root.OpenFile(stateName, os.O_CREATE|os.O_APPEND|os.O_WRONLY|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	s.w = bufio.NewWriterSize(s.log, 64<<10)
	if info, err := s.log.Stat(); err == nil && info.Size() == 0 {
		if err := s.line(h); err != nil {
			return nil, err
		}
	}
	// A line that a kill cut off ends here.
	if _, err := s.w.WriteString("\n"); err != nil {
		return nil, err
	}
	return s, s.flush()
}

// whose compares the account that a folder holds with the one that is exported.
func whose(there, h Header) error {
	if there.Tenant != h.Tenant || there.Account != h.Account {
		return fmt.Errorf("%w: it holds an export of %s", ErrFolder, there.Address)
	}
	if there.Mail != h.Mail {
		return fmt.Errorf("%w: it holds mail as %s; choose that or another folder", ErrFolder, there.Mail)
	}
	return nil
}

func (s *state) fromManifest(h Header) error {
	file, err := openFile(s.f.root, ManifestName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	_, _, err = readManifest(file, visitor{
		header: func(there *Header) error { return whose(*there, h) },
		collection: func(c *Collection) error {
			if c.Key != "" {
				s.note(known{Key: c.Key, Path: c.Folder, Size: c.Size, SHA256: c.SHA256})
			}
			return nil
		},
		item: func(i *Item) error {
			if i.Key != "" {
				s.note(known{Key: i.Key, Path: i.File, Size: i.Size, SHA256: i.SHA256})
			}
			return nil
		},
	})
	if errors.Is(err, ErrFolder) {
		return err
	}
	// One that is damaged is written anew; what was read of it still helps.
	return nil
}

func (s *state) note(k known) {
	s.by[k.Key] = k
	s.own[k.Path] = true
}

func (s *state) fromLog(h Header) error {
	file, err := openFile(s.f.root, stateName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	for first := true; lines.Scan(); first = false {
		if first {
			var there Header
			if json.Unmarshal(lines.Bytes(), &there) == nil && there.Type == typeExport {
				if err := whose(there, h); err != nil {
					return err
				}
			}
			continue
		}
		var k known
		if json.Unmarshal(lines.Bytes(), &k) == nil && k.Key != "" { // the last line may be cut
			s.note(k)
		}
	}
	return nil
}

func (s *state) line(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = s.w.Write(append(text, '\n'))
	return err
}

func (s *state) flush() error { return s.w.Flush() }

// put notes where content is about to be.
func (s *state) put(key, path string, w written) error {
	return s.move(known{Key: key, Path: path, Size: w.size, SHA256: hex.EncodeToString(w.sum[:])})
}

func (s *state) move(k known) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(k)
	if err := s.line(k); err != nil {
		return err
	}
	return s.flush()
}

func (s *state) get(key string) (known, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.by[key]
	return k, ok
}

func (s *state) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.by, key)
}

// end takes the log away: the manifest says it all now.
func (s *state) end() error {
	return errors.Join(s.log.Close(), s.f.root.Remove(stateName))
}

func (s *state) close() {
	if s.log != nil {
		s.log.Close()
	}
}
