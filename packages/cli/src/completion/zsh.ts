/** Has zsh ask the program for every word; works as a file \`_banger\` in \`fpath\` and when it is sourced. */
export const zshScript = `#compdef banger
# zsh completion for banger: source <(banger completion zsh), after compinit
_banger() {
    local answer line
    local -a candidates
    answer=$(command \${~words[1]} complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null) || return 1
    if [[ $answer == :files ]]; then
        compset -P '--*='
        _files
        return
    fi
    for line in "\${(@f)answer}"; do
        [[ -n $line ]] || continue
        # A colon divides word and description for _describe.
        candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}\${\${line#*$'\\t'}:+:\${line#*$'\\t'}}")
    done
    _describe banger candidates
}
if [[ \${funcstack[1]} == _banger ]]; then
    _banger "$@"
else
    compdef _banger banger
fi
`;
