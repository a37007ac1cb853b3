package meta

// Damageable is an engine that notices when what it consists of is damaged, and writes
// nothing from then on (SQLite).
type Damageable interface {
	// Damaged is why nothing is written any more: it wraps ErrCorrupt and ErrUnavailable.
	// It is nil where no damage was met.
	Damaged() error
}

// Damaged is why nothing is written to the database any more until it was restored and
// opened anew; nil where no damage is known.
func (db *DB) Damaged() error {
	if d, ok := innermost[Damageable](db.engine); ok {
		return d.Damaged()
	}
	return nil
}
