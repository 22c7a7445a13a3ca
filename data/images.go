package data

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
)

// Images is a list of labelled images of one size, 8 bits a channel, channels
// last: the value of channel c at row y and column x of image i is
// Pixels[((i*Height+y)*Width+x)*Channels+c].
type Images struct {
	Height, Width, Channels int
	Pixels                  []uint8 // Len() * Height*Width*Channels values
	Labels                  []uint8 // Len() values
	// Mean and Std are what Fill normalizes by: in a set those of the training
	// pixels divided by 255. A Std of 0 counts as 1.
	Mean, Std float32
}

// Len returns the number of images.
func (m *Images) Len() int { return len(m.Labels) }

// Size returns the number of values of one image, Height*Width*Channels.
func (m *Images) Size() int { return m.Height * m.Width * m.Channels }

// Predictions returns 1: an image has one label.
func (m *Images) Predictions() int { return 1 }

// At returns the pixels of image i. They are not a copy.
func (m *Images) At(i int) []uint8 {
	size := m.Size()
	return m.Pixels[i*size : (i+1)*size : (i+1)*size]
}

// Slice returns the images from (included) to to (excluded). It shares the
// memory of m.
func (m *Images) Slice(from, to int) *Images {
	size := m.Size()
	return &Images{
		Height:   m.Height,
		Width:    m.Width,
		Channels: m.Channels,
		Pixels:   m.Pixels[from*size : to*size : to*size],
		Labels:   m.Labels[from:to:to],
		Mean:     m.Mean,
		Std:      m.Std,
	}
}

// Fill writes the images of the given indices into x, one after another in
// the layout of Pixels, each value v as (v/255-Mean)/Std, and their labels
// into labels. x must have len(indices)*Size() values and labels
// len(indices); Fill panics otherwise.
func (m *Images) Fill(x []float32, labels []int, indices []int) {
	size := m.Size()
	checkFill(m, "images", x, labels, indices)
	mean, std := m.Mean, m.Std
	if std == 0 {
		std = 1
	}
	var value [256]float32
	for v := range value {
		value[v] = (float32(v)/255 - mean) / std
	}
	for k, i := range indices {
		labels[k] = int(m.Labels[i])
		out := x[k*size : (k+1)*size]
		for j, v := range m.At(i) {
			out[j] = value[v]
		}
	}
}

// moments returns the mean and the standard deviation of all pixels/255. The
// sums are of integers, so they are exact. Where all pixels are equal, std is
// 1, so that dividing by it is harmless.
func (m *Images) moments() (mean, std float32) {
	if len(m.Pixels) == 0 {
		return 0, 1
	}
	var count [256]uint64
	for _, v := range m.Pixels {
		count[v]++
	}
	var sum, squares uint64
	for v, n := range count {
		sum += n * uint64(v)
		squares += n * uint64(v) * uint64(v)
	}
	n := float64(len(m.Pixels))
	mu := float64(sum) / n
	variance := float64(squares)/n - float64(mu*mu)
	if variance <= 0 {
		return float32(mu / 255), 1
	}
	return float32(mu / 255), float32(math.Sqrt(variance) / 255)
}

// Digest returns the SHA-256 of the images' size, pixels and labels, in
// hexadecimal.
func (m *Images) Digest() string {
	h := sha256.New()
	fmt.Fprintln(h, m.Height, m.Width, m.Channels, m.Len())
	h.Write(m.Pixels)
	h.Write(m.Labels)
	return hex.EncodeToString(h.Sum(nil))
}
