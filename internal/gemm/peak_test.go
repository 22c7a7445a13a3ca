package gemm

import (
	"testing"

	"github.com/isrlu/isrlu/internal/cpu"
)

// TestMultiplyAddsCountsWholeRounds, and every level's loop comes to its end.
func TestMultiplyAddsCountsWholeRounds(t *testing.T) {
	for _, l := range cpu.Available() {
		loop := peakOf(l)
		if loop.multiplyAdds < 12 {
			t.Errorf("%v: %d multiply-adds in a round", l, loop.multiplyAdds)
		}
		for _, n := range []int{1, 2, 1000} {
			loop.run(n, &peakFactors)
		}
	}
	round := peakOf(cpu.Active()).multiplyAdds
	for n, want := range map[int]int{0: round, 1: round, round: round, 10*round + 1: 10 * round} {
		if got := MultiplyAdds(n); got != want {
			t.Errorf("MultiplyAdds(%d) = %d, want %d", n, got, want)
		}
	}
}
