// Command promql reads PromQL expressions from standard input, one a line, and fails
// if Prometheus' own parser refuses one.
package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/prometheus/prometheus/promql/parser"
)

func main() {
	status := 0
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		if _, err := parser.ParseExpr(in.Text()); err != nil {
			fmt.Printf("%s: %v\n", in.Text(), err)
			status = 1
		}
	}
	if err := in.Err(); err != nil {
		fmt.Println(err)
		status = 1
	}
	os.Exit(status)
}
