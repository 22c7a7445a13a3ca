package data

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func writeText(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "text.txt")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestVocabularyEncodesAndDecodes(t *testing.T) {
	v, err := NewVocabulary("bœuf\nà la bb")
	if err != nil {
		t.Fatal(err)
	}
	if v.String() != "\n abfluàœ" || v.Len() != 9 {
		t.Errorf("the vocabulary is %q of %d", v, v.Len())
	}
	tokens, err := v.Encode("à bœuf")
	if want := []int{7, 1, 3, 8, 6, 4}; err != nil || !slices.Equal(tokens, want) {
		t.Errorf("tokens %v, %v, expected %v", tokens, err, want)
	}
	if got := v.Decode(tokens); got != "à bœuf" {
		t.Errorf("decoded %q", got)
	}
	again, err := NewVocabulary(v.String())
	if err != nil || again.String() != v.String() {
		t.Errorf("%v: the vocabulary of %q is %q", err, v, again)
	}
	if tokens, err := v.Encode(""); err != nil || len(tokens) != 0 {
		t.Errorf("nothing became %v, %v", tokens, err)
	}
	for text, want := range map[string]string{
		"la\nl\u00e9": `the character 'é' (U+00E9) at line 2, column 2 is not among the 9 characters`,
		"a\tb":        `'\t' (U+0009) at line 1, column 2`,
		"ab\xffa":     "byte 2 (0xff) is not UTF-8",
	} {
		if _, err := v.Encode(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error is %v, expected %q", text, err, want)
		}
	}
	if _, err := NewVocabulary(""); err == nil {
		t.Error("no character made a vocabulary")
	}
	var all strings.Builder
	for c := rune(1 << 16); c <= 1<<17; c++ {
		all.WriteRune(c)
	}
	if _, err := NewVocabulary(all.String()); err == nil || !strings.Contains(err.Error(), "65536") {
		t.Errorf("too many characters: %v", err)
	}
}

// A file is parted at a character, and cut into windows whose labels are the next
// characters.
func TestTextOfAFile(t *testing.T) {
	path := writeText(t, "\ufeffabcdefghij\r\nabcdéfghij\nabcdéfghi")
	text, err := LoadText(t.Context(), path, TextOptions{Test: 8})
	if err != nil {
		t.Fatal(err)
	}
	if train, test := text.Characters(); train != 23 || test != 8 || text.Name != path || text.Entropy != 0 {
		t.Errorf("%d + %d characters in %s, entropy %v", train, test, text.Name, text.Entropy)
	}
	set, err := text.Windows(4)
	if err != nil {
		t.Fatal(err)
	}
	if set.Name != path || set.Train.Len() != 5 || set.Test.Len() != 1 || set.Train.Size() != 4 || set.Train.Predictions() != 4 ||
		strings.Join(set.Classes, "") != "\nabcdefghijé" {
		t.Errorf("%d + %d windows of %d with %d labels, classes %q", set.Train.Len(), set.Test.Len(), set.Train.Size(), set.Train.Predictions(), set.Classes)
	}
	x, labels := make([]float32, 8), make([]int, 8)
	set.Train.Fill(x, labels, []int{2, 0})
	decode := func(tokens []int) string { return text.Vocabulary.Decode(tokens) }
	var inputs []int
	for _, v := range x {
		inputs = append(inputs, int(v))
	}
	if got := decode(inputs); got != "ij\naabcd" {
		t.Errorf("windows 2 and 0 are %q", got)
	}
	if got := decode(labels); got != "j\nabbcde" {
		t.Errorf("their labels are %q", got)
	}
	set.Test.Fill(x[:4], labels[:4], []int{0})
	if got := decode(labels[:4]); got != "cdéf" {
		t.Errorf("the first window of the test part has the labels %q", got)
	}
	for name, call := range map[string]func(){
		"inputs": func() { set.Train.Fill(x[:7], labels, []int{0, 1}) },
		"labels": func() { set.Train.Fill(x, labels[:2], []int{0, 1}) },
		"index":  func() { set.Train.Fill(x, labels, []int{0, 5}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Fill with wrong %s did not panic", name)
				}
			}()
			call()
		}()
	}
	// What the network reads and learns is all in the digest.
	digests := map[string]bool{set.Train.Digest(): true, set.Test.Digest(): true}
	for _, o := range []struct {
		text   string
		window int
	}{
		{"abcdefghij\nabcdéfghij\nabcdéfghi", 4}, {"abcdefghij\nabcdéfghij\nabcdéfghi", 5},
		{"abcdefghij\nabcdèfghij\nabcdèfghi", 4}, {"bacdefghij\nabcdéfghij\nabcdéfghi", 4},
	} {
		text, err := newText(o.text, TextOptions{Test: 8})
		if err != nil {
			t.Fatal(err)
		}
		set, err := text.Windows(o.window)
		if err != nil {
			t.Fatal(err)
		}
		digests[set.Train.Digest()] = true
	}
	if len(digests) != 5 {
		t.Errorf("%d different digests, expected 5", len(digests))
	}
}

func TestPartsOfAText(t *testing.T) {
	const text = "0123456789012345678901234567890123456789"
	for _, c := range []struct {
		o           TextOptions
		train, test int
	}{
		{TextOptions{}, 36, 4}, {TextOptions{Test: 10}, 30, 10}, {TextOptions{Train: 12}, 12, 4}, {TextOptions{Train: 99}, 36, 4},
	} {
		got, err := newText(text, c.o)
		if err != nil {
			t.Fatal(err)
		}
		if train, test := got.Characters(); train != c.train || test != c.test {
			t.Errorf("%+v: %d + %d characters, expected %d + %d", c.o, train, test, c.train, c.test)
		}
		if last := got.Vocabulary.Decode([]int{int(got.test[c.test-1])}); last != "9" {
			t.Errorf("%+v: the text ends with %q", c.o, last)
		}
	}
}

func TestBadTextsAreNamed(t *testing.T) {
	long := strings.Repeat("abcdefghi\n", 20)
	for name, c := range map[string]struct {
		text string
		o    TextOptions
		want []string
	}{
		"not UTF-8":       {long + "\xc3(", TextOptions{}, []string{"byte 200 (0xc3) is not UTF-8"}},
		"empty":           {"", TextOptions{}, []string{"0 characters"}},
		"one character":   {"a", TextOptions{}, []string{"1 character"}},
		"no test":         {"abcdefg", TextOptions{}, []string{"7 characters"}},
		"all test":        {"abcdefg", TextOptions{Test: 7}, []string{"7 characters", "take 7"}},
		"negative":        {long, TextOptions{Train: -1}, []string{"-1"}},
		"new character":   {long + "abé", TextOptions{}, []string{"'é' (U+00E9) at line 21, column 3", "10 characters"}},
		"new through cut": {long, TextOptions{Train: 3}, []string{"line 19, column 4", "'d'"}},
	} {
		path := writeText(t, c.text)
		_, err := LoadText(t.Context(), path, c.o)
		if err == nil || !strings.HasPrefix(err.Error(), "data: ") {
			t.Errorf("%s: error is %v", name, err)
			continue
		}
		if name != "negative" {
			c.want = append(c.want, path)
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %q does not say %q", name, err, want)
			}
		}
	}
	for path, want := range map[string]string{"prosa": "prose", t.TempDir(): "directory"} {
		if _, err := LoadText(t.Context(), path, TextOptions{}); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v", path, err)
		}
	}
	if _, err := readText(strings.NewReader("12345"), 4); err == nil || !strings.Contains(err.Error(), "4 bytes") {
		t.Errorf("a long text: %v", err)
	}
	text, err := newText(long, TextOptions{})
	if err != nil {
		t.Fatal(err)
	}
	text.Name = "some.txt"
	for window, want := range map[int]string{
		20: "some.txt has 20 characters for testing, but a window of 20 needs 21", 180: "180 characters for training, but a window of 180 needs 181", 0: "got 0", -3: "got -3",
	} {
		if _, err := text.Windows(window); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("windows of %d: error is %v, expected %q", window, err, want)
		}
	}
	if _, err := text.Windows(19); err != nil {
		t.Error(err)
	}
}

func TestProseIsAText(t *testing.T) {
	text, err := LoadText(t.Context(), "prose", TextOptions{Train: 5000, Test: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if train, test := text.Characters(); train != 5000 || test != 1000 || text.Vocabulary.Len() != utf8.RuneCountInString(proseAlphabet) {
		t.Errorf("%d + %d characters, %d different", train, test, text.Vocabulary.Len())
	}
	set, err := text.Windows(100)
	if err != nil {
		t.Fatal(err)
	}
	if test := set.Test.(*Windows); test.Entropy != text.Entropy || !(test.Entropy > 0) || test.Characters() != 1000 || test.Len() != 9 {
		t.Errorf("%+v", test)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := LoadText(ctx, "prose", TextOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, expected %v", err, context.Canceled)
	}
}

func FuzzReadText(f *testing.F) {
	f.Add([]byte{}, 1)
	f.Add([]byte("abcdefghijklmnop\r\n\r\r\nabc"), 2)
	f.Add([]byte("\xef\xbb\xbfna\xc3\xafve"), 1)
	f.Add([]byte("ab\xff"), 1)
	f.Fuzz(func(t *testing.T, file []byte, window int) {
		const most = 1 << 10
		text, err := readText(strings.NewReader(string(file)), most)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "data: ") {
				t.Errorf("error without prefix: %v", err)
			}
			return
		}
		if !utf8.ValidString(text) || len(text) > most {
			t.Errorf("read %q", text)
		}
		parts, err := newText(text, TextOptions{})
		if err != nil {
			return
		}
		set, err := parts.Windows(window)
		if err != nil {
			return
		}
		for _, s := range []Samples{set.Train, set.Test} {
			x, labels := make([]float32, s.Size()), make([]int, s.Predictions())
			s.Fill(x, labels, []int{s.Len() - 1})
			for i, v := range x {
				if v < 0 || int(v) >= len(set.Classes) || labels[i] < 0 || labels[i] >= len(set.Classes) {
					t.Errorf("%v and %v are not below %d", v, labels[i], len(set.Classes))
				}
				if i > 0 && labels[i-1] != int(v) {
					t.Errorf("label %d is %d, but %v follows", i-1, labels[i-1], v)
				}
			}
		}
	})
}
