package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/hdl"
	"github.com/isrlu/isrlu/nn"
)

func newGenerateCmd() *cobra.Command {
	var (
		o      experiment.GenerateOptions
		prompt string
		length int
	)
	cmd := &cobra.Command{
		Use:   "generate checkpoint",
		Short: "Write text with a network that was trained on one",
		Long: `generate continues a text, character by character, with a checkpoint of
"isrlu train --task chars". It prints the prompt and what follows as it is drawn.

A temperature of 1 draws with the network's own probabilities; a lower one makes the
text more regular, and 0 takes the most probable character each time. --top-k draws
from the most probable ones only.

A recurrent network remembers the whole text. A transformer sees no more than its
window: when that is full, it goes on from the window's second half. Equal seeds give
equal texts.`,
		Example: `  isrlu generate prose.safetensors
  isrlu generate prose.safetensors --prompt "The sailor" --temperature 0.5 --length 200
  isrlu generate book.safetensors --top-k 10 --seed 7`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			const most = 1e9
			if length < 1 || length > most {
				return usagef("--length must be from 1 to %d, got %d", int(most), length)
			}
			if err := o.Check(); err != nil {
				return usage(err)
			}
			model, vocabulary, err := loadText(args[0], unitLibrary(cmd.ErrOrStderr()))
			if err != nil {
				return err
			}
			defer model.Close()
			tokens, err := vocabulary.Encode(prompt)
			if err != nil {
				return usagef("--prompt: %s", withoutPackage(err.Error()))
			}
			g, err := experiment.NewGenerator(model, o)
			if err != nil {
				return fmt.Errorf("the checkpoint %s: %s", args[0], withoutPackage(err.Error()))
			}
			defer g.Close()
			w := cmd.OutOrStdout()
			if _, err := io.WriteString(w, prompt); err != nil {
				return err
			}
			if len(tokens) == 0 {
				tokens = []int{firstToken(vocabulary)}
			}
			g.Read(tokens...)
			return writeText(cmd.Context(), w, g, vocabulary, length)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&prompt, "prompt", "p", "", "text to go on from (default: the beginning of a line)")
	f.IntVarP(&length, "length", "n", 500, "characters to write after the prompt")
	f.Float64VarP(&o.Temperature, "temperature", "t", .8, "how bold to draw: 0 always takes the most probable character")
	f.IntVar(&o.TopK, "top-k", 0, "draw from so many of the most probable characters (default all)")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of what is drawn")
	return cmd
}

// writeText writes characters as they are drawn, and ends the line.
func writeText(ctx context.Context, w io.Writer, g *experiment.Generator, v *data.Vocabulary, length int) error {
	last, err := "", error(nil)
	for range length {
		token := 0
		if err = ctx.Err(); err == nil {
			token, err = g.Next()
		}
		if err == nil {
			last = v.Decode([]int{token})
			_, err = io.WriteString(w, last)
		}
		if err != nil {
			break
		}
	}
	if last != "\n" {
		_, endErr := io.WriteString(w, "\n")
		err = cmp.Or(err, endErr)
	}
	return err
}

// loadText loads the checkpoint of a network of characters.
func loadText(path string, units *hdl.Library) (*nn.Model[float32], *data.Vocabulary, error) {
	model, metadata, err := nn.Load[float32](path, nn.Options{Threads: 1, Inference: true, Units: units})
	if err != nil {
		return nil, nil, err
	}
	v, err := readVocabulary(metadata)
	if err == nil {
		if out := model.Output(); out[len(out)-1] != v.Len() {
			err = fmt.Errorf("its metadata names %d characters, but the network puts out %v", v.Len(), []int(out))
		}
	}
	if err != nil {
		model.Close()
		return nil, nil, fmt.Errorf("the checkpoint %s: %s", path, withoutPackage(err.Error()))
	}
	return model, v, nil
}

// readVocabulary reads what train writes of a text.
func readVocabulary(metadata map[string]string) (*data.Vocabulary, error) {
	if metadata[metaTask] != experiment.CharsTask {
		return nil, errors.New(`it is not of a network that predicts characters, which "isrlu train --task chars" makes; "isrlu predict" tells the classes of images`)
	}
	var characters string
	if err := json.Unmarshal([]byte(metadata[metaVocabulary]), &characters); err != nil {
		return nil, fmt.Errorf("its metadata has %s %q, expected a string in JSON", metaVocabulary, metadata[metaVocabulary])
	}
	v, err := data.NewVocabulary(characters)
	if err == nil && v.String() != characters {
		err = errors.New("the characters in its metadata are not in their order")
	}
	return v, err
}

// firstToken is what a text without a prompt goes on from: the end of a line, or
// where there is none the first character.
func firstToken(v *data.Vocabulary) int {
	if tokens, err := v.Encode("\n"); err == nil {
		return tokens[0]
	}
	return 0
}
