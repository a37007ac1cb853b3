package store

import "fachwerk/internal/store/meta"

// The types of named items, documented in package meta.
type (
	Seen         = meta.Seen
	Guard        = meta.Guard
	LockSeen     = meta.LockSeen
	Spot         = meta.Spot
	Lock         = meta.Lock
	LockedError  = meta.LockedError
	UIDError     = meta.UIDError
	Put          = meta.Put
	Transferred  = meta.Transferred
	Locked       = meta.Locked
	Window       = meta.Window
	DriveChanges = meta.DriveChanges
	DriveItem    = meta.DriveItem
)

// The parents that are no folder.
const (
	Root      = meta.Root
	TrashRoot = meta.TrashRoot
)

// FlagFolder marks a folder of a drive.
const FlagFolder = meta.FlagFolder

// Errors of named items.
var (
	ErrChanged = meta.ErrChanged
	ErrLocked  = meta.ErrLocked
	ErrParent  = meta.ErrParent
	ErrFolder  = meta.ErrFolder
	ErrName    = meta.ErrName
	ErrLoop    = meta.ErrLoop
)

// Numbered puts a number before the ending of a name and keeps it short enough.
func Numbered(name string, n int64) string { return meta.Numbered(name, n) }
