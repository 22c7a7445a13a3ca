package data

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
)

const pngMagic = "\x89PNG\r\n\x1a\n"

// IsPNG tells whether a file that begins so is a PNG.
func IsPNG(begin []byte) bool { return bytes.HasPrefix(begin, []byte(pngMagic)) }

// A SizeError is about an image of another size than is wanted.
type SizeError struct{ Height, Width, WantHeight, WantWidth int64 }

// Error names both sizes.
func (e *SizeError) Error() string {
	return fmt.Sprintf("images are %dx%d (height x width), the network takes %dx%d; resize them first", e.Height, e.Width, e.WantHeight, e.WantWidth)
}

// ReadPNG reads a PNG of that size as gray (1 channel) or RGB (3 channels): height x
// width x channels values. What is transparent becomes black. An image of another size
// is a [SizeError], before memory is made for its pixels.
func ReadPNG(r io.Reader, height, width, channels int) ([]uint8, error) {
	if channels != 1 && channels != 3 {
		return nil, fmt.Errorf("a PNG has 1 or 3 channels here, the network takes %d", channels)
	}
	b := bufio.NewReader(r)
	head, err := b.Peek(24) // the size is in the first chunk
	if err != nil || !IsPNG(head) || string(head[12:16]) != "IHDR" {
		return nil, errors.New("the PNG is truncated or damaged")
	}
	size := SizeError{int64(binary.BigEndian.Uint32(head[20:])), int64(binary.BigEndian.Uint32(head[16:])), int64(height), int64(width)}
	if size.Height != size.WantHeight || size.Width != size.WantWidth {
		return nil, &size
	}
	m, err := png.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("not a whole PNG: %w", err)
	}
	return pixels(m, channels), nil
}

// pixels returns an image as one or three channels of 8 bits.
func pixels(m image.Image, channels int) []uint8 {
	b := m.Bounds()
	list := make([]uint8, 0, b.Dx()*b.Dy()*channels)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			if channels == 1 {
				list = append(list, color.GrayModel.Convert(m.At(x, y)).(color.Gray).Y)
			} else {
				c := color.RGBAModel.Convert(m.At(x, y)).(color.RGBA)
				list = append(list, c.R, c.G, c.B)
			}
		}
	}
	return list
}
