// Package towns runs a server in the test's process for two towns that share it, each
// on its site, with a few people who can sign in. Tests ask what the one town may learn
// of the other, and where a town's data may lie.
package towns
