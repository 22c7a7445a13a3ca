package main
import "github.com/spf13/cobra"
func newHDLExploreCmd() *cobra.Command { return &cobra.Command{Use:"explore"} }
