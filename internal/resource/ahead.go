package resource

// Ahead runs read in a goroutine of its own, so that the next page is on its way while
// one is being written. What it returns waits for the result; it must be called once,
// even when nobody wants the result any more. A panic of read is the caller's.
func Ahead[T any](read func() (T, error)) (wait func() (T, error)) {
	var result T
	var err error
	var panicked any
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { panicked = recover() }()
		result, err = read()
	}()
	return func() (T, error) {
		<-done
		if panicked != nil {
			panic(panicked)
		}
		return result, err
	}
}
