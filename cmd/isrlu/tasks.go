package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/experiment"
)

// A lesson holds the values that flags have where they are not given, for one task.
type lesson struct {
	network, activations, data string
	transformer                string // activations where the network is that, if the task has it
	epochs, batch              string
	lr, finalLR                string
}

// lessons are those of a command, by the name of the task.
type lessons map[string]lesson

var (
	compareLessons = lessons{
		experiment.ImagesTask:    {"conv3", "isrlu,elu,relu,gelu", "digits", "", "4", "100", "0.003", "0.0001"},
		experiment.SeqDigitsTask: {"lstm", "isru,tanh", "digits", "", "4", "100", "0.003", "0.0001"},
		experiment.CharsTask:     {"lstm", "isru,tanh", "prose", "isrlu,gelu", "4", "32", "0.003", "0.0003"},
	}
	trainLessons = lessons{
		experiment.ImagesTask:    {"mlp", "isrlu", "digits", "", "10", "100", "0.003", "0.0001"},
		experiment.SeqDigitsTask: {"lstm", "isru", "digits", "", "6", "100", "0.003", "0.0001"},
		experiment.CharsTask:     {"lstm", "isru", "prose", "isrlu", "6", "32", "0.003", "0.0003"},
	}
)

// flags returns the values by the names of the flags.
func (l lesson) flags(network string) map[string]string {
	if network == "transformer" && l.transformer != "" {
		l.activations = l.transformer
	}
	return map[string]string{
		"network": l.network, "activations": l.activations, "activation": l.activations, "data": l.data,
		"epochs": l.epochs, "batch": l.batch, "lr": l.lr, "final-lr": l.finalLR,
	}
}

// flagsOf lists the flags that only texts or only images have.
var flagsOf = map[bool][]string{
	true:  {"train-chars", "test-chars"},
	false: {"train-images", "test-images", "data-dir"},
}

// task returns the task that the flag names.
func (l *learning) task() (experiment.Task, error) {
	task, err := experiment.ParseTask(l.Task)
	if err != nil {
		err = fmt.Errorf("--task: %s", withoutPackage(err.Error()))
	}
	return task, err
}

// takeTask gives the flags that were not given the values that suit the task, and
// makes sure that those that were given do.
func (l *learning) takeTask(cmd *cobra.Command) (experiment.Task, error) {
	task, err := l.task()
	if err != nil {
		return task, err
	}
	l.Task = task.Name
	flags := cmd.Flags()
	for name, value := range l.lessons[task.Name].flags(l.Network) {
		if f := flags.Lookup(name); f != nil && !f.Changed {
			if err := f.Value.Set(value); err != nil {
				return task, err
			}
		}
	}
	for _, name := range flagsOf[!task.Text()] {
		// Zeros may come from a checkpoint.
		if f := flags.Lookup(name); f.Changed && f.Value.String() != f.DefValue {
			other := "it is for texts, --task chars"
			if task.Text() {
				other = "it is for images; a text has --train-chars and --test-chars"
			}
			return task, fmt.Errorf("--%s %s does not suit the task %s: %s", name, f.Value, task.Name, other)
		}
	}
	return task, l.checkData(task)
}

// checkData makes sure that the data are of the kind that the task takes.
func (l *learning) checkData(task experiment.Task) error {
	images, texts := data.Names(), data.TextNames()
	switch {
	case task.Text() && slices.Contains(images, l.Data):
		return fmt.Errorf("--data %s are images, but the task %s takes a text: %s, or a file", l.Data, task.Name, strings.Join(texts, ", "))
	case !task.Text() && slices.Contains(texts, l.Data):
		return fmt.Errorf("--data %s is a text, but the task %s takes images: %s; the task of texts is --task %s",
			l.Data, task.Name, strings.Join(images, ", "), experiment.CharsTask)
	case !task.Text() && !slices.Contains(images, l.Data):
		return fmt.Errorf("unknown data %q; known: %s; a file of text is for --task %s", l.Data, strings.Join(images, ", "), experiment.CharsTask)
	}
	return nil
}

// networkNames lists the built-in networks of all tasks.
func networkNames() []string {
	var names []string
	for _, t := range experiment.Tasks {
		for _, n := range t.Builtins() {
			if !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	return names
}

// networksText lists the built-in networks for a help.
func networksText() string {
	var parts []string
	for _, t := range experiment.Tasks {
		parts = append(parts, t.Name+": "+strings.Join(t.Builtins(), ", "))
	}
	return strings.Join(parts, "; ")
}

// defaultsText lists, for a help, what a flag is where the task is not the first.
func (l lessons) defaultsText(flag string) string {
	first := l[experiment.Tasks[0].Name].flags("")[flag]
	var parts []string
	for _, t := range experiment.Tasks[1:] {
		if v := l[t.Name].flags("")[flag]; v != first {
			parts = append(parts, t.Name+": "+v)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, "; ") + ")"
}
