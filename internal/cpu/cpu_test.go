package cpu

import (
	"strings"
	"testing"
)

func TestLevelsAreOrderedAndNamed(t *testing.T) {
	levels := Available()
	if levels[0] != Portable {
		t.Fatalf("first level %v, want portable", levels[0])
	}
	for i, l := range levels {
		if i > 0 && l <= levels[i-1] {
			t.Errorf("level %v after %v", l, levels[i-1])
		}
		if got, err := Parse(l.String()); err != nil || got != l {
			t.Errorf("Parse(%q) = %v, %v", l, got, err)
		}
	}
	if Best() != levels[len(levels)-1] {
		t.Errorf("Best() = %v, want %v", Best(), levels[len(levels)-1])
	}
}

func TestForcedLevelIsFollowed(t *testing.T) {
	// CI forces levels; a level that is not there must fail, not pass unseen.
	if err := Err(); err != nil {
		t.Fatal(err)
	}
}

func TestParseNamesTheRemedy(t *testing.T) {
	for _, name := range []string{"", "AVX2", "sse"} {
		_, err := Parse(name)
		if err == nil || !strings.Contains(err.Error(), "available: portable") {
			t.Errorf("Parse(%q): error %v does not list the levels", name, err)
		}
	}
}
