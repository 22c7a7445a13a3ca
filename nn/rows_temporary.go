package nn

import "math"

// Plain forms of package internal/rows, which takes their place.

func rowsLayerNormForward[T Float](y, x, gamma, beta []T, rows, n int, epsilon float64, mean, inverse []T) {
	for r := range rows {
		x, y := x[r*n:][:n], y[r*n:][:n]
		sum := 0.0
		for _, v := range x {
			sum += float64(v)
		}
		m := sum / float64(n)
		squares := 0.0
		for _, v := range x {
			d := float64(v) - m
			squares += d * d
		}
		s := 1 / math.Sqrt(squares/float64(n)+epsilon)
		mean[r], inverse[r] = T(m), T(s)
		for j, v := range x {
			y[j] = gamma[j]*T((float64(v)-m)*s) + beta[j]
		}
	}
}

func rowsLayerNormBackward[T Float](dx, dy, x, gamma []T, rows, n int, mean, inverse, dgamma, dbeta []T) {
	for r := range rows {
		x, dy, m, s := x[r*n:][:n], dy[r*n:][:n], mean[r], inverse[r]
		var sum, dot T
		for j, v := range x {
			xhat, d := (v-m)*s, dy[j]
			dgamma[j] += d * xhat
			dbeta[j] += d
			sum += d * gamma[j]
			dot += d * gamma[j] * xhat
		}
		if dx == nil {
			continue
		}
		sum, dot = sum/T(n), dot/T(n)
		dx := dx[r*n:][:n]
		for j, v := range x {
			dx[j] = s * (dy[j]*gamma[j] - sum - (v-m)*s*dot)
		}
	}
}

func rowsRMSNormForward[T Float](y, x, gamma []T, rows, n int, epsilon float64, inverse []T) {
	for r := range rows {
		x, y := x[r*n:][:n], y[r*n:][:n]
		squares := 0.0
		for _, v := range x {
			squares += float64(v) * float64(v)
		}
		s := 1 / math.Sqrt(squares/float64(n)+epsilon)
		inverse[r] = T(s)
		for j, v := range x {
			y[j] = gamma[j] * T(float64(v)*s)
		}
	}
}

func rowsRMSNormBackward[T Float](dx, dy, x, gamma []T, rows, n int, inverse, dgamma []T) {
	for r := range rows {
		x, dy, s := x[r*n:][:n], dy[r*n:][:n], inverse[r]
		var dot T
		for j, v := range x {
			xhat := v * s
			dgamma[j] += dy[j] * xhat
			dot += dy[j] * gamma[j] * xhat
		}
		if dx == nil {
			continue
		}
		dot /= T(n)
		dx := dx[r*n:][:n]
		for j, v := range x {
			dx[j] = s * (dy[j]*gamma[j] - v*s*dot)
		}
	}
}

func rowsDyTForward[T Float](y, x, gamma, beta []T, rows, n int, alpha T) {
	for i, v := range x[:rows*n] {
		y[i] = gamma[i%n]*T(math.Tanh(float64(alpha)*float64(v))) + beta[i%n]
	}
}

func rowsDyTBackward[T Float](dx, dy, x, gamma []T, rows, n int, alpha T, dgamma, dbeta []T) (dalpha float64) {
	for i, v := range x[:rows*n] {
		j, d := i%n, dy[i]
		t := T(math.Tanh(float64(alpha) * float64(v)))
		dgamma[j] += d * t
		dbeta[j] += d
		slope := d * gamma[j] * (1 - t*t)
		if slope != 0 {
			dalpha += float64(slope) * float64(v)
		}
		if dx != nil {
			dx[i] = slope * alpha
		}
	}
	return dalpha
}

func rowsDyISRUForward[T Float](y, x, gamma, shift []T, rows, n int, scale, beta T) {
	for i, v := range x[:rows*n] {
		x := float64(v)
		y[i] = gamma[i%n]*scale*T(x/math.Sqrt(float64(beta)+x*x)) + shift[i%n]
	}
}

func rowsDyISRUBackward[T Float](dx, dy, x, gamma []T, rows, n int, scale, beta T, dgamma, dshift []T) (dbeta float64) {
	for i, v := range x[:rows*n] {
		j, d, x := i%n, dy[i], float64(v)
		r := 1 / math.Sqrt(float64(beta)+x*x)
		dgamma[j] += d * scale * T(x*r)
		dshift[j] += d
		g := float64(d) * float64(gamma[j]) * float64(scale)
		dbeta -= g / 2 * x * r * r * r
		if dx != nil {
			dx[i] = T(g * float64(beta) * r * r * r)
		}
	}
	return dbeta
}

func rowsSoftmax[T Float](x []T, rows, cols, stride int, scale T, valid int) {
	for r := range rows {
		n := min(cols, valid+r)
		row := x[r*stride:][:cols]
		high := math.Inf(-1)
		for _, v := range row[:n] {
			high = max(high, float64(scale)*float64(v))
		}
		sum := 0.0
		for j, v := range row[:n] {
			e := math.Exp(float64(scale)*float64(v) - high)
			row[j] = T(e)
			sum += e
		}
		for j, v := range row[:n] {
			row[j] = T(float64(v) / sum)
		}
		clear(row[n:])
	}
}

func rowsSoftmaxBackward[T Float](dp, p []T, rows, cols, stride int, scale T, valid int) {
	for r := range rows {
		n := min(cols, valid+r)
		d, p := dp[r*stride:][:cols], p[r*stride:][:cols]
		var sum T
		for j, v := range p[:n] {
			sum += v * d[j]
		}
		for j, v := range p[:n] {
			d[j] = scale * v * (d[j] - sum)
		}
		clear(d[n:])
	}
}
