// Package bench measures the product beside its peers on the same machine, in
// alternating runs, and prints ratios. It asserts nothing: machines are noisy.
// What was found stands in docs/performance.md. Run it by make bench-mail.
package bench
