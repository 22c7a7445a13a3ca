package serve

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// shorten cuts long text from a client for an error.
func shorten(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}

// kindError tells what stands where something else is expected, or what is wrong with
// the JSON.
func kindError(d *jsontext.Decoder, want string) error {
	kind := d.PeekKind()
	if kind == 0 {
		_, err := d.ReadToken()
		return jsonError(err)
	}
	at := d.StackPointer()
	if at == "" {
		at = "the body"
	}
	return badRequestf("%s: expected %s, got %s", shorten(string(at)), want, kindNames[kind])
}

var kindNames = map[jsontext.Kind]string{
	'n': "null", 'f': "false", 't': "true", '"': "a string", '0': "a number", '{': "an object", '}': "the end of an object", '[': "an array", ']': "the end of an array",
}

// jsonError is about text that is not JSON.
func jsonError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return badRequestf("the JSON ends too early")
	}
	if s, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return badRequestf("not JSON at byte %d: %v", s.ByteOffset, s.Err)
	}
	return err
}

// maxMembers bounds the members of an object that is understood.
const maxMembers = 64

// decoder returns a decoder of JSON. Names that are there twice are found by readObject:
// the decoder's own check takes memory for every name of objects that are skipped.
func decoder(body []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true))
}

// readObject calls member for each member of an object, with its name; member reads the
// value.
func readObject(d *jsontext.Decoder, member func(name string) error) error {
	if d.PeekKind() != '{' {
		return kindError(d, "an object")
	}
	if _, err := d.ReadToken(); err != nil {
		return jsonError(err)
	}
	var names []string
	for d.PeekKind() == '"' {
		token, err := d.ReadToken()
		if err != nil {
			return jsonError(err)
		}
		name := token.String()
		if slices.Contains(names, name) {
			return badRequestf("%q is there twice", shorten(name))
		}
		if names = append(names, name); len(names) > maxMembers {
			return badRequestf("an object has more than %d members", maxMembers)
		}
		if err := member(name); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	if err != nil {
		return jsonError(err)
	}
	return nil
}

// readList calls element for each element of an array, up to most of them.
func readList(d *jsontext.Decoder, what string, most int, element func() error) error {
	if d.PeekKind() != '[' {
		return kindError(d, "an array of "+what)
	}
	if _, err := d.ReadToken(); err != nil {
		return jsonError(err)
	}
	for count := 0; ; count++ {
		switch kind := d.PeekKind(); {
		case kind == ']' || kind == 0:
			_, err := d.ReadToken()
			if err != nil {
				return jsonError(err)
			}
			return nil
		case count == most:
			return badRequestf("more than %d %s", most, what)
		}
		if err := element(); err != nil {
			return err
		}
	}
}

// skip reads past a value.
func skip(d *jsontext.Decoder) error {
	if err := d.SkipValue(); err != nil {
		return jsonError(err)
	}
	return nil
}

// readEnd makes sure that nothing follows.
func readEnd(d *jsontext.Decoder) error {
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		if err != nil {
			return jsonError(err)
		}
		return badRequestf("something follows the JSON")
	}
	return nil
}

func readString(d *jsontext.Decoder) (string, error) {
	if d.PeekKind() != '"' {
		return "", kindError(d, "a string")
	}
	t, err := d.ReadToken()
	if err != nil {
		return "", jsonError(err)
	}
	return t.String(), nil
}

func readBool(d *jsontext.Decoder) (bool, error) {
	if k := d.PeekKind(); k != 't' && k != 'f' {
		return false, kindError(d, "true or false")
	}
	t, err := d.ReadToken()
	if err != nil {
		return false, jsonError(err)
	}
	return t.Bool(), nil
}

// readSize reads a whole number that is not negative.
func readSize(d *jsontext.Decoder) (int, error) {
	if d.PeekKind() != '0' {
		return 0, kindError(d, "a whole number")
	}
	text, err := d.ReadValue()
	if err != nil {
		return 0, jsonError(err)
	}
	v, err := strconv.ParseInt(string(text), 10, 31)
	if err != nil || v < 0 {
		return 0, badRequestf("expected a whole number from 0 to %d, got %s", 1<<30, shorten(string(text)))
	}
	return int(v), nil
}

// shapeText is a shape as clients write it.
func shapeText(rows int, sample []int) string {
	return fmt.Sprint(slices.Concat([]int{rows}, sample))
}
