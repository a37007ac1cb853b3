// Package deploy tests what deploy/ gives administrators: the image file, the compose
// file with its parts, the systemd unit and the snippets for mail gateways.
package deploy
