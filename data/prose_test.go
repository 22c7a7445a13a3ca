package data

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func proseText(t testing.TB, seed uint64, split, n int) (string, float64) {
	t.Helper()
	text, entropy, err := writeProse(t.Context(), seed, split, n)
	if err != nil {
		t.Fatal(err)
	}
	return text, entropy
}

// A scripted paragraph follows a list of choices. Where the list ends it panics
// with the weights of the next choice, and where what it wrote is not how the text
// begins, with mismatch.
func scripted(script []int, text string) (weights []int, fits bool) {
	var p prose
	type open struct{ weights []int }
	type mismatch struct{}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case open:
			weights, fits = r.weights, true
		case mismatch:
			weights, fits = nil, false
		default:
			panic(r)
		}
	}()
	p.choose = func(w []int) int {
		if !strings.HasPrefix(text, string(p.out)) {
			panic(mismatch{})
		}
		if len(script) == 0 {
			panic(open{slices.Clone(w)})
		}
		c := script[0]
		script = script[1:]
		return c
	}
	p.paragraph()
	return nil, string(p.out) == text
}

// derivations returns the probabilities, as bits, of all lists of choices that write a paragraph.
func derivations(script []int, text string) (bits []float64) {
	weights, fits := scripted(script, text)
	if weights == nil {
		if fits {
			return []float64{0}
		}
		return nil
	}
	total := 0
	for _, w := range weights {
		total += w
	}
	for i, w := range weights {
		if w == 0 {
			continue
		}
		for _, b := range derivations(append(slices.Clip(script), i), text) {
			bits = append(bits, b+math.Log2(float64(total)/float64(w)))
		}
	}
	return bits
}

// The entropy of prose is what its choices tell. That holds because a text can
// come from one list of choices only: all lists are tried here.
func TestProseHasOneDerivation(t *testing.T) {
	n := 150
	if testing.Short() {
		n = 40
	}
	text, _ := proseText(t, 3, splitTest, 700*n)
	paragraphs := strings.SplitAfter(text, "\n\n")[:n]
	for _, paragraph := range paragraphs {
		if found := derivations(nil, paragraph); len(found) != 1 {
			t.Fatalf("%d lists of choices write %q", len(found), paragraph)
		}
	}
}

// The same seed gives the same bytes everywhere. A change of this digest makes
// results on prose incomparable with older ones: it belongs in the changelog.
func TestProseIsTheSameOnEveryMachine(t *testing.T) {
	const want = "38bc4689608ddad5e1f70bdee428aca973dfedcef755986841080ec15f75c352"
	h := sha256.New()
	for split := range 2 {
		text, _ := proseText(t, 1, split, 100_000)
		io.WriteString(h, text)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		t.Errorf("SHA-256 of prose is %s, expected %s", got, want)
	}
}

func TestProseDiffersBySeedAndSplit(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(3) {
		for split := range 2 {
			text, _ := proseText(t, seed, split, 20_000)
			seen[text[:200]] = true
			if short, _ := proseText(t, seed, split, 777); short != text[:777] {
				t.Errorf("777 characters are not the first of 20000")
			}
		}
	}
	if len(seen) != 6 {
		t.Errorf("%d of 6 texts are different", len(seen))
	}
}

// Each character that prose announces comes up, and no other.
func TestProseHasItsAlphabet(t *testing.T) {
	text, entropy := proseText(t, 0, splitTrain, 400_000)
	v, err := NewVocabulary(text)
	if err != nil {
		t.Fatal(err)
	}
	if v.String() != proseAlphabet {
		t.Errorf("prose has the characters %q, expected %q", v, proseAlphabet)
	}
	if entropy < .4 || entropy > .6 {
		t.Errorf("%.3f bits per character, expected about half a bit", entropy)
	}
}

// What a network could learn is there: sums are right, and what opens closes.
func TestProseIsRight(t *testing.T) {
	text, _ := proseText(t, 5, splitTrain, 200_000)
	number := map[string]int{}
	for i, name := range numbers {
		number[name] = i
	}
	sums := 0
	for _, m := range regexp.MustCompile(`(\w+) and (\w+) make (\w+)`).FindAllStringSubmatch(strings.ToLower(text), -1) {
		if number[m[1]]+number[m[2]] != number[m[3]] {
			t.Errorf("%q is wrong", m[0])
		}
		sums++
	}
	for _, m := range regexp.MustCompile(`\((\d+) \+ (\d+) = (\d+)\)`).FindAllStringSubmatch(text, -1) {
		a, _ := strconv.Atoi(m[1])
		b, _ := strconv.Atoi(m[2])
		if m[3] != strconv.Itoa(a+b) {
			t.Errorf("%q is wrong", m[0])
		}
		sums++
	}
	if sums < 100 {
		t.Errorf("%d sums in 200000 characters", sums)
	}
	for paragraph := range strings.SplitSeq(text[:strings.LastIndex(text, "\n\n")], "\n\n") {
		if n := strings.Count(paragraph, `"`); n%2 != 0 || strings.Count(paragraph, "(") != strings.Count(paragraph, ")") {
			t.Errorf("something is open in %q", paragraph)
		}
		if bad := regexp.MustCompile(`[,.;:]{2}|  |\ba [aeiou]|\ban [^aeiouh]|[.!?] [a-z]|^[^A-Z"]`).FindString(paragraph); bad != "" && bad != "! c" && bad != "? a" {
			t.Errorf("%q in %q", bad, paragraph)
		}
	}
}

func BenchmarkProse(b *testing.B) {
	b.SetBytes(100_000)
	for b.Loop() {
		if _, _, err := writeProse(b.Context(), 0, splitTrain, 100_000); err != nil {
			b.Fatal(err)
		}
	}
}
