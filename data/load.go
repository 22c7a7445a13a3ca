package data

import (
	"context"
	"fmt"
	"strings"
)

// Options say where a set comes from and how large it is. The zero value is
// the whole set with its defaults.
type Options struct {
	// Dir is a folder of IDX files, plain or .gz, or one with a subfolder of
	// the set's name that has them. Where Dir is empty, the folder that the
	// environment variable ISRLU_DATA_DIR names is tried, then the user's
	// cache, and what is missing there is downloaded into it.
	Dir string
	// Seed chooses the images of digits.
	Seed uint64
	// Train and Test are the numbers of images; 0 means 10000 and 2000 for
	// digits, all for the other sets, of which the first are taken.
	Train, Test int
	// Progress, if not nil, is called while a file is downloaded: its name,
	// how many bytes are there and how many there will be.
	Progress func(what string, done, total int64)
	// Offline forbids downloading.
	Offline bool
}

// Names returns the names that Load takes.
func Names() []string {
	names := []string{digitsName}
	for _, s := range idxSets {
		names = append(names, s.name)
	}
	return names
}

// Load returns the set of a name, one of Names. It returns an error for an
// unknown name, a negative size, files that are missing or not what they
// should be, a download that fails, and ctx.Err(), wrapped, where ctx ends
// before the set is there.
func Load(ctx context.Context, name string, o Options) (*Set, error) {
	if o.Train < 0 || o.Test < 0 {
		return nil, fmt.Errorf("data: sizes must not be negative, got %d training and %d test images", o.Train, o.Test)
	}
	var set *Set
	var err error
	if name == digitsName {
		set, err = loadDigits(ctx, o)
	} else if s := findIDXSet(name); s != nil {
		set, err = s.load(ctx, o, defaultDownloader())
	} else {
		return nil, fmt.Errorf("data: unknown set %q, expected one of %s", name, strings.Join(Names(), ", "))
	}
	if err != nil {
		return nil, fmt.Errorf("data: %s: %w", name, trimPrefix(err))
	}
	train, test := set.Images()
	train.Mean, train.Std = train.moments()
	test.Mean, test.Std = train.Mean, train.Std
	return set, nil
}

// trimPrefix takes the package's prefix from the message of an error that gets
// wrapped in another of the package.
func trimPrefix(err error) error { return trimmedError{err} }

type trimmedError struct{ error }

func (e trimmedError) Error() string { return strings.TrimPrefix(e.error.Error(), "data: ") }
func (e trimmedError) Unwrap() error { return e.error }
