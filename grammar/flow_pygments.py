"""A Pygments lexer for the workflow language Flow."""

from pygments.lexer import RegexLexer, words
from pygments.token import Comment, Error, Keyword, Name, Number, Operator, Punctuation, String, Text

KEYWORDS = """
action advance after again always amqp and as at backoff by call called catchup complete const cron
data defer deferred do email emit emitted ended entry enum event every exec exit expect fail failed
fails final flow fn for forever from header hmac http ignore ignored import in incident initial
internal invariant key leads let limit log max migrate mock never not of on once ongoing only
overlap parallel per priority publish raise read redis reenter refused region retry returns role
rollback secret send signed sql start state steps take test then timeout times to type tz undo
version webhook when with worker
""".split()

TYPES = """
bool bytes double duration dyn int list map string timestamp uint
""".split()

CONSTANTS = "false null true".split()


class FlowLexer(RegexLexer):
    """Colors .flow files by the classes of the compiler's tokens."""

    name = "Flow"
    aliases = ["flow"]
    filenames = ["*.flow"]
    mimetypes = ["text/x-flow"]

    tokens = {
        "root": [
            (r"\s+", Text),
            (r"///[^\r\n]*", Comment.Special),
            (r"//[^\r\n]*", Comment.Single),
            (r"(?i:b?r)(\"\"\"|\'\'\')[\s\S]*?\1", String),
            (r"(?i:b)?(\"\"\"|\'\'\')(?:\\[\s\S]|[\s\S])*?\1", String),
            (r"(?i:b?r)(?:\"[^\"\r\n]*\"|\'[^\'\r\n]*\')", String),
            (r"(?i:b)?\"(?:\\.|[^\"\\\r\n])*\"", String),
            (r"(?i:b)?\'(?:\\.|[^\'\\\r\n])*\'", String),
            (r"[\"\'][^\r\n]*", Error),
            (r"[A-Za-z_]\w*(?=\s*:)", Name),
            (r"(?<!\.)(\.)(\s*)([A-Za-z_]\w*)", lambda lexer, match: iter([
                (match.start(1), Punctuation, match.group(1)),
                (match.start(2), Text, match.group(2)),
                (match.start(3), Name, match.group(3)),
            ])),
            (r"\d+(?:\.\d+)?(?:ms|[dhms])(?:\d+(?:ms|[dhms]))*\b", Number.Duration),
            (r"0x[0-9A-Fa-f]+[uU]?", Number),
            (r"(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?[uU]?", Number),
            (words(CONSTANTS, suffix=r"\b"), Keyword.Constant),
            (words(TYPES, suffix=r"\b"), Keyword.Type),
            (words(KEYWORDS, suffix=r"\b"), Keyword),
            (r"[A-Za-z_]\w*|`[^`\r\n]*`", Name),
            (r"->|\.\.|&&|\|\||[=!<>]=|[-+*/%!<>=?]", Operator),
            (r"[(){}\[\].,:]", Punctuation),
        ]
    }
