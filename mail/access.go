package mail

// Rights say what may be done in an account, as a set of bits.
type Rights uint8

// The bits are those of the store's grants.
const (
	RightRead   Rights = 1 << iota // see mailboxes and messages
	RightWrite                     // change flags, add, move and expunge messages
	RightManage                    // create, rename and delete mailboxes
	RightSendAs                    // send from the account's addresses

	allRights = RightRead | RightWrite | RightManage | RightSendAs
)

// Access is an account as one principal may use it. The zero value opens
// nothing.
type Access struct {
	Tenant, Account int64
	Address         string // primary address of the account
	DisplayName     string
	Rights          Rights
	Own             bool  // the principal's own account
	Person          int64 // account id of the principal
}

// May reports whether all of r is granted. It is what a head shows (MYRIGHTS,
// read-only SELECT); every method of this package checks for itself, and
// against the grants of now.
func (a Access) May(r Rights) bool { return a.Rights&r == r }
