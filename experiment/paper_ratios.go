package experiment

import (
	"fmt"

	"github.com/isrlu/isrlu"
)

// over is the ratio of the times of two kernels, round by round.
func (k *PaperKernel) over(other *PaperKernel) Spread {
	ratios := make([]float64, min(len(k.Rounds), len(other.Rounds)))
	for i := range ratios {
		ratios[i] = k.Rounds[i] / other.Rounds[i]
	}
	return spread(ratios)
}

// A PaperRatio is how many times faster one kernel is than another.
type PaperRatio struct {
	Name  string
	Paper string
	// Exact and the others are ratios in these precisions; where a function has no
	// kernel of one, its exact one stands in.
	Exact, Default, Fast Spread
	Elements             int

	least     float64
	precision isrlu.Precision // that is judged
	claim     string
}

// Ratios returns the ratios of times that the paper reports, for each size.
func (s *PaperSpeed) Ratios() []PaperRatio {
	var list []PaperRatio
	for _, n := range paperSizes {
		for _, q := range []struct {
			name, paper string
			fast, slow  string
			least       float64
			precision   isrlu.Precision
			claim       string
		}{
			{"exp / inverse square root", "1.2 to 2.2", rsqrtName, "elu", 1.2, isrlu.Default, "The inverse square root is at least 1.2 times faster than exp"},
			{"tanh / inverse square root", "3.3 to 6.9", rsqrtName, "tanh", 3.3, isrlu.Default, "The inverse square root is at least 3.3 times faster than tanh"},
			{"ELU / ISRLU", "2.6", "isrlu", "elu", 2.6, isrlu.Default, "ISRLU is at least 2.6 times faster than ELU"},
			{"ReLU / ISRLU", "0.99 or more, with the fast approximation", "isrlu", "relu", 1 / 1.01, isrlu.Fast, "ISRLU with the fast approximation takes at most 1 % more than ReLU"},
		} {
			p := PaperRatio{Name: q.name, Paper: q.paper, Elements: n, least: q.least, precision: q.precision, claim: q.claim}
			for precision, to := range map[isrlu.Precision]*Spread{isrlu.Exact: &p.Exact, isrlu.Default: &p.Default, isrlu.Fast: &p.Fast} {
				a, b := s.nearest(q.slow, precision, n), s.nearest(q.fast, precision, n)
				if a != nil && b != nil {
					*to = a.over(b)
				}
			}
			list = append(list, p)
		}
	}
	return list
}

func (r *PaperResult) speedClaims() []Claim {
	if r.Speed == nil {
		return nil
	}
	var list []Claim
	for _, q := range r.Speed.Ratios() {
		v := q.Default
		if q.precision == isrlu.Fast {
			v = q.Fast
		}
		list = append(list, Claim{
			Part: SpeedPart, Claim: fmt.Sprintf("%s (%d elements).", q.claim, q.Elements), Paper: q.Paper, Here: v.text(" times"),
			Outcome: atLeast(v.Low, v.High, q.least),
			Why:     fmt.Sprintf("the quartiles over the rounds against %.2f, precision %v", q.least, q.precision),
		})
	}
	return list
}
