package data

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxVocabulary is the most characters that a text may have: as many as a token of
// 16 bits tells apart.
const maxVocabulary = 1 << 16

// A Vocabulary numbers the characters of a text, in the order of their code
// points: token t is the t-th character. Characters are Unicode code points.
type Vocabulary struct {
	characters []rune
	tokens     map[rune]uint16
}

// NewVocabulary returns the vocabulary of the characters that a text has. It
// returns an error for an empty text, for one that is not UTF-8 and for one of
// more than 65536 different characters.
func NewVocabulary(text string) (*Vocabulary, error) {
	if i := invalidUTF8(text); i >= 0 {
		return nil, errNotUTF8(text, i)
	}
	v := &Vocabulary{tokens: map[rune]uint16{}}
	for _, c := range text {
		if _, ok := v.tokens[c]; ok {
			continue
		}
		if len(v.characters) == maxVocabulary {
			return nil, fmt.Errorf("data: the text has more than %d different characters", maxVocabulary)
		}
		v.tokens[c] = 0
		v.characters = append(v.characters, c)
	}
	if len(v.characters) == 0 {
		return nil, fmt.Errorf("data: a vocabulary needs a character, got an empty text")
	}
	slices.Sort(v.characters)
	for t, c := range v.characters {
		v.tokens[c] = uint16(t)
	}
	return v, nil
}

// Len returns the number of characters.
func (v *Vocabulary) Len() int { return len(v.characters) }

// String returns all characters, in order. NewVocabulary makes the same vocabulary
// of it.
func (v *Vocabulary) String() string { return string(v.characters) }

// Encode returns the tokens of a text. A character that is not in the vocabulary is
// an error, which says where it stands.
func (v *Vocabulary) Encode(text string) ([]int, error) {
	list := make([]int, 0, len(text))
	err := v.encode(text, position{1, 1}, func(t uint16) { list = append(list, int(t)) })
	if err != nil {
		return nil, err
	}
	return list, nil
}

// Decode returns the text of tokens. It panics if one is not in [0, Len()).
func (v *Vocabulary) Decode(tokens []int) string {
	var b strings.Builder
	for _, t := range tokens {
		b.WriteRune(v.characters[t])
	}
	return b.String()
}

// A position is where a character stands, from 1.
type position struct{ line, column int }

// after returns the position behind a text that begins at p.
func (p position) after(text string) position {
	for _, c := range text {
		p.column++
		if c == '\n' {
			p = position{p.line + 1, 1}
		}
	}
	return p
}

// encode passes on the tokens of a text that begins at a position.
func (v *Vocabulary) encode(text string, begin position, token func(uint16)) error {
	if i := invalidUTF8(text); i >= 0 {
		return errNotUTF8(text, i)
	}
	for i, c := range text {
		t, ok := v.tokens[c]
		if !ok {
			at := begin.after(text[:i])
			return fmt.Errorf("data: the character %q (%U) at line %d, column %d is not among the %d characters that the training text has; replace it, or train on a text that has it",
				c, c, at.line, at.column, v.Len())
		}
		token(t)
	}
	return nil
}

// invalidUTF8 returns the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(text string) int {
	if utf8.ValidString(text) {
		return -1
	}
	for i, c := range text {
		if c == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(text[i:]); n == 1 {
				return i
			}
		}
	}
	return -1
}

func errNotUTF8(text string, i int) error {
	return fmt.Errorf("data: byte %d (%#02x) is not UTF-8; convert the text to UTF-8 first", i, text[i])
}
