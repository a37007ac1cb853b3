// Package observe shows package location what the engines of a site see: it puts
// their facts into location's words, and says on which filesystem an embedded
// engine's folder lies.
package observe
