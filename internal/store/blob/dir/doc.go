// Package dir keeps the objects of a blob store as files of one directory.
//
// The key is the path below the directory. Names are opaque, modes 0600 and
// 0700, and nothing outside the directory is reached, whatever links lie in it.
// A file is written under a temporary name, made durable, renamed, and its
// folder and each newly made parent are made durable before Put returns. What comes
// with an unknown size is written there too, so nothing is copied at the end. A
// temporary file is locked while it is written; one that is not was left by a crash
// and goes at the next start.
//
// One failed fsync may have lost what earlier writes left to the kernel, and a
// second fsync would not tell. So the store then refuses all further writes,
// until an administrator has looked at the disk and started the server anew.
package dir
