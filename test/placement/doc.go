// Package placement tries every way in which somebody or something writes, against a
// tenant whose data may not be written where it lies: by its policy, which allows
// another site only, or because the site is not as it is declared. Each is refused in
// its protocol's words and leaves nothing behind: no row, no object, no file. Reading
// goes on, other tenants notice nothing, and when writing is allowed again all works.
package placement
