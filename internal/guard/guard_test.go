//go:build unix

package guard

import (
	"runtime/debug"
	"testing"
	"unsafe"
)

// faults reports whether touching the element at p faults.
func faults[T any](p unsafe.Pointer, write bool) (fault bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { fault = recover() != nil }()
	if write {
		var z T
		*(*T)(p) = z
	} else {
		sink = *(*byte)(p)
	}
	return false
}

var sink byte

func testEnds[T any](t *testing.T) {
	for _, n := range []int{0, 1, 3, 1000, 5000} {
		end, begin := End[T](t, n), Begin[T](t, n)
		size := sizeOf[T](1)
		for _, write := range []bool{false, true} {
			if n > 0 {
				for _, s := range [][]T{end, begin} {
					if faults[T](unsafe.Pointer(&s[0]), write) || faults[T](unsafe.Pointer(&s[n-1]), write) {
						t.Fatalf("n = %d: an element faults", n)
					}
				}
			}
			if !faults[T](unsafe.Add(unsafe.Pointer(unsafe.SliceData(end)), n*size), write) {
				t.Errorf("n = %d, write %v: nothing faults past the end", n, write)
			}
			if !faults[T](unsafe.Add(unsafe.Pointer(unsafe.SliceData(begin)), -size), write) {
				t.Errorf("n = %d, write %v: nothing faults before the beginning", n, write)
			}
		}
	}
}

func TestAccessBeyondASliceFaults(t *testing.T) {
	testEnds[float32](t)
	testEnds[float64](t)
	testEnds[uint16](t)
}
