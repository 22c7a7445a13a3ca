package circuit

import "testing"

// Broken tells of a value beyond the interval of a Narrow, and of no other.
func TestBroken(t *testing.T) {
	for most, want := range map[int64]bool{99: true, 100: false} {
		c, x := New(0, 100)
		c.Output(x.Narrow(0, most).AddConst(1))
		e := c.Evaluator()
		e.Run(make([]int64, 3), []int64{0, 7, 99})
		if e.Broken() {
			t.Errorf("up to %d: broken by 99", most)
		}
		if e.Run(make([]int64, 1), []int64{100}); e.Broken() != want {
			t.Errorf("up to %d: broken %v by 100", most, e.Broken())
		}
	}
}
