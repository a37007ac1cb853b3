// Package samples has the small objects that tests store: an event, a card.
package samples
