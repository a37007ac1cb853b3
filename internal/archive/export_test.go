package archive

// AfterReading has f called whenever the journal of a collection was read.
func AfterReading(o *ExportOptions, f func(collection int64)) { o.after = f }
