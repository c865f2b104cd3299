/** Has bash ask the program for every word. Without `-o default`, so that no answer means no file names either. */
export const bashScript = `# bash completion for banger: source <(banger completion bash)
_banger() {
    local current=\${COMP_WORDS[COMP_CWORD]} program=\${COMP_WORDS[0]/#\\~/$HOME} answer line
    # bash splits --from=PATH at the =, and then stands on it or behind it.
    [[ $current == '=' ]] && current=
    COMPREPLY=()
    answer=$(command "$program" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) || return
    if [[ $answer == :files ]]; then
        compopt -o filenames
        while IFS= read -r line; do
            [[ -n $line ]] && COMPREPLY+=("$line")
        done <<<"$(compgen -f -- "$current")"
        return
    fi
    while IFS=$'\\t' read -r line _; do
        [[ -n $line ]] && COMPREPLY+=("$line")
    done <<<"$answer"
}
complete -F _banger banger
`;
