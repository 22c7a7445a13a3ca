package data

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxTextBytes bounds the files that LoadText reads.
const maxTextBytes = 1 << 28

// testShare is the part of a file that is for testing, where TextOptions has none:
// a tenth.
const testShare = 10

// TextOptions say how large the parts of a text are. The zero value is the whole
// text with its defaults.
type TextOptions struct {
	// Train and Test are numbers of characters. For prose 0 means 1000000 and
	// 100000. Of a file the last Test characters are for testing, a tenth if 0, and
	// of those before the first Train for training, all if 0.
	Train, Test int
	// Seed chooses the text of prose.
	Seed uint64
}

// A Text is a text in two parts, before it is cut into windows.
type Text struct {
	Name string // as in TextNames, or the file's
	// Vocabulary has the characters of the training part; for prose all that it
	// can have.
	Vocabulary *Vocabulary
	// Entropy is the number of bits per character of the test part that no model
	// can save, as the generator of the text knows it, or 0 for a file. The
	// documentation of the package says what it is.
	Entropy float64

	train, test []uint16 // tokens
}

// TextNames returns the names of the texts that LoadText writes itself.
func TextNames() []string { return []string{proseName} }

// LoadText returns a text: one of TextNames, or that of a file. A file must be
// UTF-8 and at most 256 MiB; a byte order mark at its beginning is left out, and
// line ends of CR LF become LF. It returns an error for what is no such file, for a
// character of the test part that the training part lacks, and for a part without a
// character.
func LoadText(ctx context.Context, name string, o TextOptions) (*Text, error) {
	if o.Train < 0 || o.Test < 0 {
		return nil, fmt.Errorf("data: sizes must not be negative, got %d characters for training and %d for testing", o.Train, o.Test)
	}
	if name == proseName {
		return loadProse(ctx, o)
	}
	text, err := readTextFile(name)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	t, err := newText(text, o)
	if err != nil {
		return nil, fmt.Errorf("data: %s: %w", name, trimPrefix(err))
	}
	t.Name = name
	return t, nil
}

func readTextFile(name string) (string, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("data: there is no text %q: expected %s, or a file", name, strings.Join(TextNames(), ", "))
	}
	if err != nil {
		return "", fmt.Errorf("data: %w", err)
	}
	defer f.Close()
	text, err := readText(f, maxTextBytes)
	if err != nil {
		return "", fmt.Errorf("data: %s: %w", name, trimPrefix(err))
	}
	return text, nil
}

// readText reads UTF-8 of at most so many bytes.
func readText(r io.Reader, most int64) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return "", err
	}
	if int64(len(b)) > most {
		return "", fmt.Errorf("data: the text has more than %d bytes; cut it", most)
	}
	text := string(b)
	if i := invalidUTF8(text); i >= 0 {
		return "", errNotUTF8(text, i)
	}
	const byteOrderMark = "\ufeff"
	return strings.ReplaceAll(strings.TrimPrefix(text, byteOrderMark), "\r\n", "\n"), nil
}

// newText parts a text.
func newText(text string, o TextOptions) (*Text, error) {
	n := utf8.RuneCountInString(text)
	test := o.Test
	if test == 0 {
		test = n / testShare
	}
	if test < 1 || test >= n {
		return nil, fmt.Errorf("data: the text has %s; there must be some for training and some for testing, which take %d; take a longer text, or a smaller part for testing", characters(n), max(test, 1))
	}
	train := n - test
	at := characterOffset(text, train)
	if o.Train > 0 {
		train = min(o.Train, train)
	}
	first, second := text[:characterOffset(text, train)], text[at:]
	v, err := NewVocabulary(first)
	if err != nil {
		return nil, err
	}
	t := &Text{Vocabulary: v}
	if err := v.encode(first, position{1, 1}, func(c uint16) { t.train = append(t.train, c) }); err != nil {
		return nil, err
	}
	err = v.encode(second, position{1, 1}.after(text[:at]), func(c uint16) { t.test = append(t.test, c) })
	return t, err
}

// characterOffset returns the offset of the n-th character.
func characterOffset(text string, n int) int {
	for i := range text {
		if n == 0 {
			return i
		}
		n--
	}
	return len(text)
}

func characters(n int) string {
	if n == 1 {
		return "1 character"
	}
	return fmt.Sprintf("%d characters", n)
}

// Characters returns the lengths of the parts.
func (t *Text) Characters() (train, test int) { return len(t.train), len(t.test) }

// Windows returns the text as a set of windows of so many characters: sample i of
// a part is its characters i*length to (i+1)*length-1, as the numbers of the
// vocabulary, and the label of each is the character after it. What is left over
// at a part's end is not used. A part that has no window is an error.
func (t *Text) Windows(length int) (*Set, error) {
	if length < 1 {
		return nil, fmt.Errorf("data: windows must have 1 character or more, got %d", length)
	}
	for _, part := range []struct {
		what string
		n    int
	}{{"training", len(t.train)}, {"testing", len(t.test)}} {
		if part.n <= length {
			return nil, fmt.Errorf("data: %s has %s for %s, but a window of %d needs %d; take a longer text, or shorter windows",
				t.Name, characters(part.n), part.what, length, length+1)
		}
	}
	set := &Set{Name: t.Name}
	for _, c := range t.Vocabulary.characters {
		set.Classes = append(set.Classes, string(c))
	}
	set.Train = &Windows{Vocabulary: t.Vocabulary, length: length, tokens: slices.Clip(t.train)}
	set.Test = &Windows{Vocabulary: t.Vocabulary, Entropy: t.Entropy, length: length, tokens: slices.Clip(t.test)}
	return set, nil
}

// Windows are pieces of a text, of one length, each of whose characters is to be
// predicted from those before it in the window. They are made by [Text.Windows].
type Windows struct {
	Vocabulary *Vocabulary
	Entropy    float64 // of the test part, as in Text; 0 where it is not known

	length int
	tokens []uint16
}

// Len returns the number of windows.
func (w *Windows) Len() int { return (len(w.tokens) - 1) / w.length }

// Size returns the number of characters of a window.
func (w *Windows) Size() int { return w.length }

// Predictions returns the number of characters of a window.
func (w *Windows) Predictions() int { return w.length }

// Characters returns the length of the text that the windows are cut from.
func (w *Windows) Characters() int { return len(w.tokens) }

// Fill writes the tokens of the windows of the given indices into x, and for each
// the one that follows into labels. x and labels must have len(indices)*Size()
// elements; Fill panics otherwise.
func (w *Windows) Fill(x []float32, labels []int, indices []int) {
	checkFill(w, "windows", x, labels, indices)
	for k, i := range indices {
		piece := w.tokens[i*w.length : (i+1)*w.length+1]
		for j := range w.length {
			x[k*w.length+j] = float32(piece[j])
			labels[k*w.length+j] = int(piece[j+1])
		}
	}
}

// Digest returns the SHA-256 of the length of the windows, the vocabulary and the
// tokens, in hexadecimal.
func (w *Windows) Digest() string {
	h := sha256.New()
	fmt.Fprintf(h, "%d %d %q\n", w.length, len(w.tokens), w.Vocabulary)
	var b []byte
	for _, t := range w.tokens {
		b = binary.LittleEndian.AppendUint16(b, t)
	}
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil))
}
