package data

import (
	"context"
	"math"
)

const proseName = "prose"

// The sizes of prose where TextOptions has none.
const (
	proseTrain = 1_000_000
	proseTest  = 100_000
)

// proseAlphabet has every character that prose can have.
const proseAlphabet = "\n !\"'()+,-.0123456789:;=?ABCDEFGHIJKLMNOPQRSTUVWYZabcdefghijklmnopqrstuvwxyz"

func loadProse(ctx context.Context, o TextOptions) (*Text, error) {
	if o.Train == 0 {
		o.Train = proseTrain
	}
	if o.Test == 0 {
		o.Test = proseTest
	}
	v, err := NewVocabulary(proseAlphabet)
	if err != nil {
		return nil, err
	}
	t := &Text{Name: proseName, Vocabulary: v}
	if t.train, _, err = proseTokens(ctx, v, o.Seed, splitTrain, o.Train); err != nil {
		return nil, err
	}
	if t.test, t.Entropy, err = proseTokens(ctx, v, o.Seed, splitTest, o.Test); err != nil {
		return nil, err
	}
	return t, nil
}

func proseTokens(ctx context.Context, v *Vocabulary, seed uint64, split, n int) (tokens []uint16, entropy float64, err error) {
	text, entropy, err := writeProse(ctx, seed, split, n)
	if err != nil {
		return nil, 0, err
	}
	tokens = make([]uint16, 0, n)
	err = v.encode(text, position{1, 1}, func(t uint16) { tokens = append(tokens, t) })
	return tokens, entropy, err
}

// writeProse returns n characters, and the bits per character of the paragraphs
// that they begin. Paragraph i depends on seed, split and i alone.
func writeProse(ctx context.Context, seed uint64, split, n int) (text string, entropy float64, err error) {
	var out []byte
	bits := 0.0
	for i := 0; len(out) < n; i++ {
		if err := ctx.Err(); err != nil {
			return "", 0, err
		}
		r := newRandom(streamProse, seed, uint64(split), uint64(i))
		p := prose{out: out, choose: func(weights []int) int {
			total := 0
			for _, w := range weights {
				total += w
			}
			at := r.below(total)
			for i, w := range weights {
				if at < w {
					bits += math.Log2(float64(total) / float64(w))
					return i
				}
				at -= w
			}
			panic("data: the weights have no sum")
		}}
		p.paragraph()
		out = p.out
	}
	return string(out[:n]), bits / float64(len(out)), nil
}

// A prose writes paragraphs. All that is left to chance goes through choose, which
// returns an index with a probability in proportion to its weight; two different
// lists of choices never write the same paragraph, so that the probability of a
// text is the product of those of its choices.
type prose struct {
	out     []byte
	choose  func(weights []int) int
	weights []int
	capital bool // the next letter begins a sentence
	aside   bool // an apposition ends with a comma, unless another sign follows
	story
}

// A story is what a paragraph keeps in mind.
type story struct {
	role    int
	hero    person
	friend  person
	last    *person // whom he or she means
	village string
	thing   int // that was named last; -1 for none
	day     int // of the week; -1 before one was named
	year    int // 0 before one was named
}

// A person has a name, or none before the story has named them.
type person struct {
	name  string
	woman bool
}

func (p *person) pick(woman, man string) string {
	if p.woman {
		return woman
	}
	return man
}

func (p *person) they() string  { return p.pick("she", "he") }
func (p *person) their() string { return p.pick("her", "his") }

// one returns an index with the probability of its weight.
func (p *prose) one(weights ...int) int { return p.choose(weights) }

// even returns a number of [from, to], all alike.
func (p *prose) even(from, to int) int {
	p.weights = p.weights[:0]
	for range to - from + 1 {
		p.weights = append(p.weights, 1)
	}
	return from + p.choose(p.weights)
}

// zipf returns an index below n, the first ones more often.
func (p *prose) zipf(n int) int {
	p.weights = p.weights[:0]
	for i := range n {
		p.weights = append(p.weights, zipf(i))
	}
	return p.choose(p.weights)
}

func (p *prose) entry(list []string) string { return list[p.zipf(len(list))] }

// write writes the parts. The first letter of a sentence becomes a capital.
func (p *prose) write(parts ...string) {
	for _, s := range parts {
		if p.aside && s != "" {
			p.aside = false
			if s[0] == ' ' {
				p.out = append(p.out, ',')
			}
		}
		for _, c := range []byte(s) {
			if p.capital && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9') {
				p.capital = false
				if c >= 'a' {
					c -= 'a' - 'A'
				}
			}
			p.out = append(p.out, c)
		}
	}
}

// begin begins a sentence, after a space if there is one before.
func (p *prose) begin() {
	if n := len(p.out); n > 0 && p.out[n-1] != '\n' {
		p.write(" ")
	}
	p.capital = true
}

// paragraph writes one, with the empty line after it.
func (p *prose) paragraph() {
	p.story = story{thing: -1, day: -1}
	p.begin()
	p.opening()
	// A paragraph has three sentences or more, and ten at the most.
	for n := 1; n < 10; n++ {
		end := 0
		if n > 2 {
			end = n
		}
		kind := p.one(end, end, 12, 5, 4, 5, 3, 3, 2, 4, 2, 2)
		if kind == 0 {
			break
		}
		p.begin()
		if kind == 1 {
			p.ending()
			break
		}
		sentences[kind-2](p)
	}
	p.write("\n\n")
}
