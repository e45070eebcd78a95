# bash completion for sigmax

_sigmax() {
  local current previous command word
  COMPREPLY=()
  current=${COMP_WORDS[COMP_CWORD]}
  previous=${COMP_WORDS[COMP_CWORD - 1]}
  # In `--color=auto` the shell makes a word of `=` as well.
  if [[ $current == = ]]; then
    current=
  elif [[ $previous == = ]] && ((COMP_CWORD >= 2)); then
    previous=${COMP_WORDS[COMP_CWORD - 2]}
  fi

  command=
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in audit | ls | norm | svd) command=$word && break ;; esac
  done

  local options values=
  case $command in
    audit)
      options='--layers --exclude --as --min-dim --quick --certify --failure-probability --seed -j --jobs --format --json --html
        --csv --markdown --sort --top --fail-if --allow -q --quiet -v --verbose --color -h --help'
      ;;
    ls)
      options='--layers --exclude --min-dim --format --sort --top -q --quiet -v --verbose --color -h --help'
      ;;
    norm)
      options='--as --ord -j --jobs --format -q --quiet -v --verbose --color -h --help'
      ;;
    svd)
      options='--as -k --count --smallest --accuracy --tolerance --method --max-products --certify --seed -j --jobs --format
        --json -o --output --values-only -q --quiet -v --verbose --color -h --help'
      ;;
    *)
      options='audit ls norm svd --version -h --help'
      ;;
  esac

  case $previous in
    --format)
      case $command in
        norm) values='text value json' ;;
        svd) values='table values csv json' ;;
        *) values='table json csv markdown' ;;
      esac
      ;;
    --color) values='auto always never' ;;
    --allow) values='unread nan empty missing lower-only' ;;
    --certify) values='proven probabilistic none' ;;
    --accuracy) values='values vectors' ;;
    --method) values='auto power deflation lanczos block-krylov randomized dense inverse' ;;
    --ord) values='fro nuc 1 -1 2 -2 inf -inf max schatten: kyfan: entrywise:' ;;
    --sort)
      if [[ $command == ls ]]; then
        values='name elements bytes'
      else
        values='name sigma_max stable_rank condition sigma_min frobenius nuclear effective_rank numerical_rank
          rank_90 rank_95 rank_99 norm_1 norm_inf max_abs bytes role dtype seconds'
      fi
      ;;
    --layers | --exclude | --as | --min-dim | --failure-probability | --seed | -j | --jobs | --top | --fail-if) return ;;
    -k | --count | --tolerance | --max-products) return ;;
    -o | --output | --json | --html | --csv | --markdown)
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return
      ;;
  esac

  if [[ -n $values ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$values" -- "$current")
  elif [[ $current == -* || -z $command ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
  else
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}

complete -F _sigmax sigmax
