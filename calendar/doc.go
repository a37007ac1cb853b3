// Package calendar keeps calendars: collections of calendar object resources (RFC
// 4791), each one event, task or journal entry with all its recurrences, stored byte
// for byte as the client sent it.
//
// What it adds to [resource.Service] is to know what is inside: it judges an object
// before it is stored and says how it is found again ([Service.Accept]), answers
// queries over any number of objects ([Service.Query]), cuts or expands what is
// sent ([Retrieval]), and adds up busy times ([Service.FreeBusy]). A query takes
// two steps: the index finds the objects that may have an instance in the time asked
// for, in SQL; each of these is read, and its recurrences decide exactly.
package calendar
