package main

import "github.com/spf13/cobra"

// newHelpCmd is cobra's help command, except that an unknown command is an error.
func newHelpCmd(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about a command",
		Long:  `Print the help of a command, like its flag --help.`,
		Example: `  asof help publish
  asof help config check`,
		Args: cobra.ArbitraryArgs,
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			cmd, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var names []cobra.Completion
			for _, c := range cmd.Commands() {
				if c.IsAvailableCommand() {
					names = append(names, cobra.CompletionWithDesc(c.Name(), c.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(cmd, append(rest, args...))
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
	}
}

// describeShells adds examples and instructions to cobra's completion commands.
func describeShells(root *cobra.Command) {
	completion, _, err := root.Find([]string{"completion"})
	if err != nil {
		return
	}
	completion.Short = "Write a script that completes commands, repos and times in a shell"
	completion.Long = `Write a script for a shell, which then completes commands and flags, the names of
repos, checkpoints' ids and channels. Packages install the scripts.`
	completion.Example = `  asof completion bash > asof.bash`
	completion.Args, completion.RunE = unknownCommand, func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	for shell, example := range map[string]string{
		"bash":       "source <(asof completion bash)",
		"zsh":        `asof completion zsh > "${fpath[1]}/_asof"`,
		"fish":       "asof completion fish > asof.fish",
		"powershell": "asof completion powershell > asof.ps1",
	} {
		if cmd, _, err := completion.Find([]string{shell}); err == nil && cmd.Name() == shell {
			cmd.Example = "  " + example
		}
	}
}
