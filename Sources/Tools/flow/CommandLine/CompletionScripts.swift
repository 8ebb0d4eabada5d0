import Glibc

extension Command {
  static let completion = Command(
    name: "completion", group: .tool, summary: "Print the completion script for a shell.",
    discussion: """
      Install it in the folder of the shell, for example:
        flow completion bash > ~/.local/share/bash-completion/completions/flow
        flow completion zsh > ~/.zfunc/_flow        (with ~/.zfunc in `fpath`)
        flow completion fish > ~/.config/fish/completions/flow.fish
      """,
    operands: "bash|zsh|fish", completion: .words(Shell.allCases.map(\.rawValue)),
    example: "flow completion bash > /usr/share/bash-completion/completions/flow",
    action: { arguments throws(UsageError) in
      guard arguments.operands.count == 1, let shell = Shell(rawValue: arguments.operands[0]) else {
        throw UsageError("`flow completion` requires bash, zsh or fish", help: "flow completion bash")
      }
      Terminal.output(shell.script)
      return ExitCode.success
    })

  /// The command that the completion scripts call; not listed in the help.
  static let complete = Command(
    name: "__complete", group: .tool, summary: "Print completions for the words of a command line.",
    operands: "-- WORD…", example: "flow __complete -- serve --st",
    action: { arguments throws(UsageError) in
      // A server that does not respond must not block the shell.
      alarm(1)
      Terminal.output(Completer(words: arguments.operands).output)
      return ExitCode.success
    })
}

/// The shells with completion.
///
/// The scripts are constant: all proposals come from `flow __complete`, one per line with an optional description
/// after a tab. The first line is a directive for files: `:none`, `:files`, `:folders` or `:flows`.
enum Shell: String, CaseIterable {
  case bash, zsh, fish

  var script: String {
    switch self {
    case .bash: Shell.bashScript
    case .zsh: Shell.zshScript
    case .fish: Shell.fishScript
    }
  }

  private static let bashScript = #"""
    # Completion of flow for bash.
    _flow() {
      local line directive current=${COMP_WORDS[COMP_CWORD]} words=() reply=()
      # Bash splits words at `=` and `:`; the text up to the cursor is split at blanks instead.
      read -r -a words <<< "${COMP_LINE:0:COMP_POINT}"
      [[ ${COMP_LINE:COMP_POINT-1:1} == [[:space:]] ]] && words+=("")
      local whole=${words[-1]}
      while IFS= read -r line; do
        if [[ -z $directive ]]; then directive=$line; else reply+=("${line%%$'\t'*}"); fi
      done < <("${words[0]/#\~/$HOME}" __complete -- "${words[@]:1}" 2>/dev/null)
      # Only the part after the last break of bash is replaced.
      local prefix=${whole%"$current"}
      [[ $current == [=:] ]] && prefix=$whole current=
      COMPREPLY=()
      for line in "${reply[@]}"; do [[ $line == "$whole"* ]] && COMPREPLY+=("${line#"$prefix"}"); done
      local IFS=$'\n'
      case $directive in
        :files) COMPREPLY+=($(compgen -f -- "$current")); compopt -o filenames ;;
        :folders) COMPREPLY+=($(compgen -d -- "$current")); compopt -o filenames ;;
        :flows)
          COMPREPLY+=($(compgen -f -X '!*.flow' -- "$current") $(compgen -d -- "$current"))
          compopt -o filenames ;;
      esac
      [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
      return 0
    }
    complete -F _flow flow

    """#

  private static let zshScript = #"""
    #compdef flow
    # Completion of flow for zsh.
    _flow() {
      local directive line
      local -a plain described
      while IFS= read -r line; do
        if [[ -z $directive ]]; then
          directive=$line
        elif [[ $line == *$'\t'* ]]; then
          described+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
        else
          plain+=("$line")
        fi
      done < <(${words[1]} __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
      (( ${#described} )) && _describe -V 'flow' described
      (( ${#plain} )) && compadd -V 'values' -a plain
      case $directive in
        :files) _files ;;
        :folders) _files -/ ;;
        :flows) _files -g '*.flow(-.)' ;;
      esac
    }
    if [[ $funcstack[1] == _flow ]]; then _flow "$@"; else compdef _flow flow; fi

    """#

  private static let fishScript = #"""
    # Completion of flow for fish.
    function __flow_complete
      set -l words (commandline -opc)
      set -l current (commandline -ct)
      set -l lines ($words[1] __complete -- $words[2..-1] "$current" 2>/dev/null)
      set -l directive $lines[1]
      if test (count $lines) -gt 1
        printf '%s\n' $lines[2..-1]
      end
      switch "$directive"
        case :files
          __fish_complete_path "$current"
        case :folders
          __fish_complete_directories "$current"
        case :flows
          __fish_complete_suffix .flow
      end
    end
    complete -c flow -f -a '(__flow_complete)'

    """#
}
