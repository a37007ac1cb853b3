// Package browser signs people in as they do it themselves: it follows where pages
// lead, keeps cookies and fills in forms, without running any script. It stands for
// mail programs too, which open a browser to get their tokens (RFC 8252), and starts
// an OpenID provider that nobody here wrote.
package browser
