package isrlu

import (
	"fmt"
	"math"
	"slices"

	"github.com/isrlu/isrlu/internal/kernel"
)

// Info describes a registered function.
type Info struct {
	Name       string // as New and Parse take it
	Title      string // as people write it
	Formula    string
	Derivative string
	// DerivativeFromOutput is the derivative in terms of y = f(x), empty if it
	// is not a function of y.
	DerivativeFromOutput string
	Source               string // where the function comes from
	Params               []ParamInfo
	// Precisions are those with kernels of their own on some SIMD level; the
	// others share them.
	Precisions []Precision
}

// ParamInfo describes a parameter of a function.
type ParamInfo struct {
	Name    string
	Default float64
	Domain  string // in words

	domain domain
	// quiet tells that specifications leave the parameter out where it has its
	// default. Only the last parameters may be quiet.
	quiet bool
}

// A domain is where a parameter may lie. Parameters are rounded to float32
// for the float32 kernels, and must not leave the domain by that.
type domain uint8

const (
	positive domain = iota
	nonzero
)

var domainNames = [...]string{positive: "positive and finite", nonzero: "finite and not zero"}

func (d domain) contains(v float64) bool {
	f := float64(float32(v))
	if math.IsNaN(f) || math.IsInf(f, 0) || f == 0 {
		return false
	}
	return d == nonzero || f > 0
}

func param(name string, def float64, d domain) ParamInfo {
	return ParamInfo{Name: name, Default: def, Domain: domainNames[d], domain: d}
}

// later returns p as a quiet parameter.
func later(p ParamInfo) ParamInfo {
	p.quiet = true
	return p
}

// A row registers a function: everything that the package, its commands,
// benchmarks and tests know of it comes from here. The bounds stand in
// bounds.go.
type row struct {
	Info
	id kernel.ID
	// kernelParams turns the parameters into what the kernels take; nil if
	// they take nothing.
	kernelParams func(p [maxParams]float64) (p32 [kernel.NumParams]float32, p64 [kernel.NumParams]float64)
	// wavy tells that the function falls somewhere, for parameters in their
	// domains and, where there is one, a positive scale.
	wavy bool
	// exactOnly reports parameters that the estimates cannot serve.
	exactOnly func(p [maxParams]float64) bool
	// check finds what is wrong with parameters that are each in its domain.
	check func(p []float64) error
}

// rows is the table. Adding a function is adding a row, its kernels in gen,
// its truth in internal/reference and its bounds.
var rows = []*row{
	{
		Info: Info{Name: "identity", Title: "Identity",
			Formula: "x", Derivative: "1", DerivativeFromOutput: "1"},
		id: kernel.Identity,
	},
	{
		Info: Info{Name: "relu", Title: "ReLU", Source: "Nair and Hinton 2010",
			Formula: "max(x, 0)", Derivative: "x > 0 ? 1 : 0", DerivativeFromOutput: "y > 0 ? 1 : 0"},
		id: kernel.ReLU,
	},
	{
		Info: Info{Name: "leaky_relu", Title: "Leaky ReLU", Source: "Maas et al. 2013",
			Formula: "x >= 0 ? x : slope x", Derivative: "x > 0 ? 1 : slope", DerivativeFromOutput: "y > 0 ? 1 : slope",
			Params: []ParamInfo{param("slope", 0.01, positive)}},
		id: kernel.LeakyReLU, kernelParams: plainParams,
	},
	{
		Info: Info{Name: "isrlu", Title: "ISRLU", Source: "Carlile et al. 2017, eq. 1 and 2",
			Formula:              "x >= 0 ? x : x/sqrt(1 + alpha x^2)",
			Derivative:           "x >= 0 ? 1 : (1 + alpha x^2)^(-3/2)",
			DerivativeFromOutput: "y >= 0 ? 1 : (1 - alpha y^2)^(3/2)",
			Params:               []ParamInfo{param("alpha", 1, positive)}},
		id: kernel.ISRLU, kernelParams: isrParams, exactOnly: beyondEstimates,
	},
	{
		Info: Info{Name: "isru", Title: "ISRU", Source: "Carlile et al. 2017, eq. 3 and 4",
			Formula:              "x/sqrt(1 + alpha x^2)",
			Derivative:           "(1 + alpha x^2)^(-3/2)",
			DerivativeFromOutput: "(1 - alpha y^2)^(3/2)",
			Params:               []ParamInfo{param("alpha", 1, positive)}},
		id: kernel.ISRU, kernelParams: isrParams, exactOnly: beyondEstimates,
	},
	{
		Info: Info{Name: "isru_sigmoid", Title: "ISRU sigmoid", Source: "Carlile et al. 2017, section 4",
			Formula:              "(1 + u/sqrt(1 + alpha u^2))/2, u = scale x",
			Derivative:           "scale/2 (1 + alpha u^2)^(-3/2)",
			DerivativeFromOutput: "scale/2 (1 - alpha (2y - 1)^2)^(3/2)",
			Params:               []ParamInfo{param("alpha", 1, positive), later(param("scale", 1, positive))}},
		id: kernel.ISRUSigmoid, kernelParams: isruSigmoidParams, check: checkISRUSigmoid,
		exactOnly: func(p [maxParams]float64) bool {
			return beyondEstimates(p) || !kernel.UsesEstimates(p[0]*p[1]*p[1])
		},
	},
	{
		Info: Info{Name: "dyisru", Title: "DyISRU", Source: "Stollenwerk 2026, arXiv 2503.21708",
			Formula:              "scale x/sqrt(beta + x^2)",
			Derivative:           "scale beta (beta + x^2)^(-3/2)",
			DerivativeFromOutput: "scale/sqrt(beta) (1 - (y/scale)^2)^(3/2)",
			Params:               []ParamInfo{param("scale", 1, nonzero), param("beta", 1, positive)}},
		id: kernel.DyISRU, kernelParams: dyisruParams, check: checkDyISRU,
		exactOnly: func(p [maxParams]float64) bool { return !kernel.UsesEstimates(1 / p[1]) },
	},
	{
		Info: Info{Name: "elu", Title: "ELU", Source: "Clevert et al. 2016",
			Formula:              "x >= 0 ? x : alpha (e^x - 1)",
			Derivative:           "x >= 0 ? 1 : alpha e^x",
			DerivativeFromOutput: "y >= 0 ? 1 : y + alpha",
			Params:               []ParamInfo{param("alpha", 1, positive)}},
		id: kernel.ELU,
		kernelParams: func(p [maxParams]float64) ([kernel.NumParams]float32, [kernel.NumParams]float64) {
			return kernel.ELUParams(float32(p[0])), kernel.ELUParams(p[0])
		},
	},
	{
		Info: Info{Name: "selu", Title: "SELU", Source: "Klambauer et al. 2017",
			Formula:              "1.0507 (x >= 0 ? x : 1.6733 (e^x - 1))",
			Derivative:           "1.0507 (x >= 0 ? 1 : 1.6733 e^x)",
			DerivativeFromOutput: "y >= 0 ? 1.0507 : y + 1.7581"},
		id: kernel.SELU,
	},
	{
		Info: Info{Name: "tanh", Title: "tanh",
			Formula: "tanh(x)", Derivative: "1 - tanh(x)^2", DerivativeFromOutput: "1 - y^2"},
		id: kernel.Tanh,
	},
	{
		Info: Info{Name: "sigmoid", Title: "Sigmoid",
			Formula: "1/(1 + e^-x)", Derivative: "s(x) (1 - s(x))", DerivativeFromOutput: "y (1 - y)"},
		id: kernel.Sigmoid,
	},
	{
		Info: Info{Name: "softplus", Title: "Softplus", Source: "Dugas et al. 2001",
			Formula: "log(1 + e^x)", Derivative: "1/(1 + e^-x)", DerivativeFromOutput: "1 - e^-y"},
		id: kernel.Softplus,
	},
	{
		Info: Info{Name: "silu", Title: "SiLU", Source: "Elfwing et al. 2018",
			Formula: "x s(x), s(x) = 1/(1 + e^-x)", Derivative: "s(x) (1 + x (1 - s(x)))"},
		id: kernel.SiLU, wavy: true,
	},
	{
		Info: Info{Name: "gelu", Title: "GELU", Source: "Hendrycks and Gimpel 2016",
			Formula: "x (1 + erf(x/sqrt 2))/2", Derivative: "(1 + erf(x/sqrt 2))/2 + x e^(-x^2/2)/sqrt(2 pi)"},
		id: kernel.GELU, wavy: true,
	},
	{
		Info: Info{Name: "gelu_tanh", Title: "GELU (tanh)", Source: "Hendrycks and Gimpel 2016",
			Formula:    "x (1 + tanh(u))/2, u = sqrt(2/pi) (x + 0.044715 x^3)",
			Derivative: "s + x s (1 - s) 2u', s = (1 + tanh(u))/2"},
		id: kernel.GELUTanh, wavy: true,
	}}

// plainParams hands the parameters to the kernels as they are.
func plainParams(p [maxParams]float64) (p32 [kernel.NumParams]float32, p64 [kernel.NumParams]float64) {
	for i, v := range p {
		p32[i], p64[i] = float32(v), v
	}
	return p32, p64
}

func isrParams(p [maxParams]float64) ([kernel.NumParams]float32, [kernel.NumParams]float64) {
	return kernel.ISRParams(float32(p[0])), kernel.ISRParams(p[0])
}

func beyondEstimates(p [maxParams]float64) bool { return !kernel.UsesEstimates(p[0]) }

func isruSigmoidParams(p [maxParams]float64) ([kernel.NumParams]float32, [kernel.NumParams]float64) {
	return kernel.ISRUSigmoidParams(float32(p[0]), float32(p[1])), kernel.ISRUSigmoidParams(p[0], p[1])
}

// checkISRUSigmoid refuses a scale where what the kernels take is not a normal
// float32. The scale 1 rounds nothing.
func checkISRUSigmoid(p []float64) error {
	alpha, scale := float64(float32(p[0])), float64(float32(p[1]))
	if scale == 1 {
		return nil
	}
	for _, v := range []float64{alpha * scale * scale, scale / 2, 1 / scale} {
		if v < 0x1p-126 || v > 0x1p126 {
			return fmt.Errorf("isrlu: alpha %v and scale %v leave the range of float32 in alpha scale^2 or scale", p[0], p[1])
		}
	}
	return nil
}

func dyisruParams(p [maxParams]float64) ([kernel.NumParams]float32, [kernel.NumParams]float64) {
	return kernel.DyISRUParams(float32(p[0]), float32(p[1])), kernel.DyISRUParams(p[0], p[1])
}

// checkDyISRU refuses a scale and beta whose quotients leave float32.
func checkDyISRU(p []float64) error {
	for _, v := range kernel.DyISRUParams(float32(p[0]), float32(p[1])) {
		if math.IsInf(float64(v), 0) || math.IsNaN(float64(v)) {
			return fmt.Errorf("isrlu: scale %v and beta %v overflow float32 in scale/beta^(3/2)", p[0], p[1])
		}
	}
	return nil
}

func findRow(name string) *row {
	for _, r := range rows {
		if r.Name == name {
			return r
		}
	}
	return nil
}

// info returns a copy that the caller may change.
func (r *row) info() Info {
	i := r.Info
	i.Params = slices.Clone(r.Params)
	for _, p := range kernel.Precisions(r.id) {
		i.Precisions = append(i.Precisions, Precision(p))
	}
	return i
}

// Functions describes the registered functions, in the order of the table.
func Functions() []Info {
	var all []Info
	for _, r := range rows {
		all = append(all, r.info())
	}
	return all
}

// Names returns the names of the registered functions.
func Names() []string {
	var names []string
	for _, r := range rows {
		names = append(names, r.Name)
	}
	return names
}
