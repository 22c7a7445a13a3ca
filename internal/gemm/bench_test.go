package gemm

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func BenchmarkMatmul(b *testing.B) {
	for _, s := range [][3]int{{256, 256, 256}, {512, 512, 512}, {1024, 1024, 1024}, {100, 256, 3136}, {3136, 256, 100}, {784, 32, 288}} {
		for _, trans := range []string{"nn", "nt", "tn"} {
			p := Matmul[float32]{Rows: s[0], Cols: s[1], Depth: s[2], ARow: s[2], BRow: s[1], CRow: s[1]}
			if trans[0] == 't' {
				p.TransA, p.ARow = true, s[0]
			}
			if trans[1] == 't' {
				p.TransB, p.BRow = true, s[2]
			}
			b.Run(fmt.Sprintf("%dx%dx%d/%s", s[0], s[1], s[2], trans), func(b *testing.B) {
				r := rand.New(rand.NewPCG(1, 2))
				x := fill(r, make([]float32, s[0]*s[2]))
				y := fill(r, make([]float32, s[1]*s[2]))
				z := make([]float32, s[0]*s[1])
				scratch := make([]float32, p.Scratch())
				for b.Loop() {
					p.Run(z, x, y, nil, scratch, nil)
				}
				b.ReportMetric(2*float64(s[0])*float64(s[1])*float64(s[2])*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
