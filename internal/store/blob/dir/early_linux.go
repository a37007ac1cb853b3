package dir

import (
	"os"
	"syscall"
)

// syncFileRangeWrite is SYNC_FILE_RANGE_WRITE of sync_file_range(2): begin to write,
// do not wait.
const syncFileRangeWrite = 2

// writeEarly has the kernel begin to write a part of a file. It promises nothing and
// hides no error: fsync, later, does the one and tells the other.
func writeEarly(file *os.File, offset, length int64) {
	_ = syscall.SyncFileRange(int(file.Fd()), offset, length, syncFileRangeWrite)
}
