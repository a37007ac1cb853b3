package store

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// unadmitted are the entries into this package that write without asking the
// placement function first, each with the reason. An entry is what somebody outside
// may call: each exported name, and each that nobody here calls by its name (those
// handed on as interfaces and functions). Everything else asks.
var unadmitted = map[string]string{
	// Content on its way in: there is no Upload but of NewUpload, which asks, and the
	// row that would name the content asks again.
	"landing.Write": "it is an Upload's",
	"Upload.Close":  "it takes away what no row names",

	// The directory's and the installation's own: nobody's data of a tenant's site.
	"New":                    "it begins to follow counters and hints",
	"Store.AddFailures":      "failed sign-ins are hashes in the directory's database",
	"Store.AddKnown":         "addresses known from good sign-ins are hashes in the directory's database",
	"Store.BindIssuer":       "the operator's word of whom a tenant trusts; no person's data",
	"Store.BindIssuerIf":     "as BindIssuer",
	"Store.UpdateTenant":     "the operator's word, which may end the refusal; what a tenant says of itself asks",
	"Store.SaveObservations": "what is seen of a site belongs to no tenant, and must be kept when it differs",
	"Store.NewGeneration":    "the counters of a site that was restored; no data",

	// Taking away and closing must be possible wherever data lies.
	"Store.UnbindIssuer":      "takes away",
	"Store.RemoveTenant":      "takes away",
	"Store.RemoveAccount":     "takes away",
	"Store.RemoveAlias":       "takes away",
	"Store.RemoveDomain":      "takes away",
	"Store.RemoveGrant":       "takes away",
	"Store.RemoveGroupGrant":  "takes away",
	"Store.RevokeAppPassword": "takes away",
	"Store.EndSession":        "takes away",
	"Store.TakeTicket":        "takes away",
	"Store.DeleteTickets":     "takes away",
	"Store.EndSessionsOf":     "takes away",
	"Store.Maintain":          "as MaintainOnce",
	"Store.MaintainOnce":      "removes what was removed and is over, and counts",
	"Store.CheckAll":          "counts",

	// Mail that lies in the queue: ClaimQueue asks, so that none of it begins to move.
	"Store.FinishQueue": "what came of an attempt that was begun: unwritten, the mail would go out twice; a report was let in when it was placed",
	"Store.HoldQueue":   "as RenewQueue",
	"Store.RenewQueue":  "an attempt that was begun goes on being ours; two numbers",
	"Store.ReapQueue":   "takes away",
	"Store.DropQueue":   "takes away",
	"Store.RetryQueue":  "the time of the next attempt; one number",
}

// reads are what may be called of a site's engines without writing. Whatever is not
// named here counts as a write.
var reads = map[string]map[string]bool{
	"db": set(`Account AccountModSeqs AccountWithCollection ByHash Candidates Changes ChangesFor Close Collection CollectionByName CollectionChanges Damaged Directory Installation
		Collections Content Contents ContentsOf DriveChanges DueObjects Engine Generation IndexOf ItemByID Items ItemsByObject
		ItemsByUID ItemsFor JudgeCopy Locks Members Metas Named Now OldTrash Ping Properties Read Reapable Trash Verify View
		WalkNames SetEpoch`),
	"blobs": set(`Get Stat List Check`),
}

func set(names string) map[string]bool {
	s := map[string]bool{}
	for name := range strings.FieldsSeq(names) {
		s[name] = true
	}
	return s
}

// asks are the calls by which a function asks; what follows them in its text may write.
// (Store.placing runs what it is given inside Store.write; Store.placeQueued begins by asking.)
var asks = set("Store.admit Store.admitContent Store.write Store.placing Store.placeQueued Store.notHeldBack Placement")

// one is a function of this package: what it writes and calls before it asks.
type oneFunc struct {
	writes []string
	calls  map[string]bool
	names  map[string]bool // all that it calls, also after it asked
	asks   bool
}

// TestEveryWriteAsksForThePlacement walks all calls of this package. What reaches a
// database or a blob store with a write, and has not asked the placement function on
// the way there, must be in the list above with a reason.
func TestEveryWriteAsksForThePlacement(t *testing.T) {
	funcs := functionsOfStore(t)
	called := map[string]bool{}
	for name, f := range funcs {
		for c := range f.names {
			if c != name {
				called[c] = true
			}
		}
	}
	asking := 0
	for _, name := range slices.Sorted(maps.Keys(funcs)) {
		if funcs[name].asks {
			asking++
		}
		short := name[strings.LastIndexByte(name, '.')+1:]
		if called[name] && !ast.IsExported(short) {
			continue
		}
		way := wayToWrite(funcs, name, map[string]bool{})
		switch reason, listed := unadmitted[name]; {
		case way != nil && !listed:
			t.Errorf("%s writes without asking for the placement: %s", name, strings.Join(way, " > "))
		case way == nil && listed:
			t.Errorf("%s is listed as one that does not ask (%s), and it asks or does not write", name, reason)
		}
	}
	for name := range unadmitted {
		if funcs[name] == nil {
			t.Errorf("%s is listed and does not exist", name)
		}
	}
	if asking < 20 {
		t.Errorf("only %d functions were seen to ask: the test reads nothing", asking)
	}
}

// wayToWrite follows calls that come before anybody asked, down to a write.
func wayToWrite(funcs map[string]*oneFunc, name string, seen map[string]bool) []string {
	f := funcs[name]
	if f == nil || seen[name] {
		return nil
	}
	seen[name] = true
	if len(f.writes) > 0 {
		return []string{name, f.writes[0]}
	}
	for _, c := range slices.Sorted(maps.Keys(f.calls)) {
		if way := wayToWrite(funcs, c, seen); way != nil {
			return append([]string{name}, way...)
		}
	}
	return nil
}

func functionsOfStore(t *testing.T) map[string]*oneFunc {
	t.Helper()
	fset := token.NewFileSet()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, e.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	// Other packages are left out: what is called in this one is known without them.
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: nothing{}, Error: func(error) {}}
	pkg, _ := config.Check("store", fset, files, info)
	funcs := map[string]*oneFunc{}
	for _, file := range files {
		for _, decl := range file.Decls {
			if d, ok := decl.(*ast.FuncDecl); ok && d.Body != nil {
				funcs[nameOf(info.Defs[d.Name], pkg)] = readFunc(info, pkg, d)
			}
		}
	}
	return funcs
}

// readFunc finds what a function writes and calls before it asks.
func readFunc(info *types.Info, pkg *types.Package, d *ast.FuncDecl) *oneFunc {
	f := &oneFunc{calls: map[string]bool{}, names: map[string]bool{}}
	asked := token.Pos(1 << 40)
	ast.Inspect(d.Body, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			if name := calledName(info, pkg, c); asks[name] {
				asked, f.asks = min(asked, c.Lparen), true
			}
		}
		return true
	})
	harmless := map[*ast.SelectorExpr]bool{}
	ast.Inspect(d.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if calledName(info, pkg, n) == "ObjectWith" { // reads from the blob store that it is given
				if blobs, ok := n.Args[0].(*ast.SelectorExpr); ok {
					harmless[blobs] = true
				}
			}
		case *ast.SelectorExpr:
			if engine, ok := n.X.(*ast.SelectorExpr); ok && reads[engine.Sel.Name][n.Sel.Name] {
				harmless[engine] = true
			}
			if reads[n.Sel.Name] != nil && isField(info, n.Sel, pkg) && !harmless[n] && n.Pos() < asked {
				f.writes = append(f.writes, "."+n.Sel.Name)
			}
		case *ast.Ident:
			if o, ok := info.Uses[n].(*types.Func); ok && o.Pkg() == pkg {
				name := nameOf(o, pkg)
				f.names[name] = true
				if n.Pos() < asked && !asks[name] {
					f.calls[name] = true
				}
			}
		}
		return true
	})
	return f
}

func isField(info *types.Info, id *ast.Ident, pkg *types.Package) bool {
	v, ok := info.Uses[id].(*types.Var)
	return ok && v.IsField() && v.Pkg() == pkg
}

func calledName(info *types.Info, pkg *types.Package, c *ast.CallExpr) string {
	switch fun := c.Fun.(type) {
	case *ast.SelectorExpr:
		if o, ok := info.Uses[fun.Sel].(*types.Func); ok {
			return nameOf(o, pkg)
		}
		return fun.Sel.Name // a field that is a function: Placement
	case *ast.Ident:
		return nameOf(info.Uses[fun], pkg)
	}
	return ""
}

// nameOf is Type.Method or the function's name; "" for other packages' ones.
func nameOf(o types.Object, pkg *types.Package) string {
	f, ok := o.(*types.Func)
	if !ok || f.Pkg() != pkg {
		return ""
	}
	recv := f.Signature().Recv()
	if recv == nil {
		return f.Name()
	}
	of := recv.Type()
	if p, ok := of.(*types.Pointer); ok {
		of = p.Elem()
	}
	if n, ok := of.(*types.Named); ok {
		return n.Obj().Name() + "." + f.Name()
	}
	return f.Name()
}

// nothing imports every package as an empty one.
type nothing struct{}

func (nothing) Import(path string) (*types.Package, error) {
	p := types.NewPackage(path, path[strings.LastIndexByte(path, '/')+1:])
	p.MarkComplete()
	return p, nil
}
