"""Members of the types that expressions can name."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode, urlsafe_b64encode

import orjson
import pytest

from provision.local.apim.expressions import documented_members, parse_jwt
from tests.provision.local.apim.expressions.harness import fails, text, value

TABLE = {
    "string": [
        ('"abc".Substring(1)', "bc"),
        ('"abc".Substring(1, 1)', "b"),
        ('"abc"[1]', "b"),
        ("\"a,b,,c\".Split(',').Length", "4"),
        ("\"a,b,,c\".Split(new[]{','}, StringSplitOptions.RemoveEmptyEntries).Length", "3"),
        ("\"a, b;c\".Split(',', ';').Length", "3"),
        ('"a::b".Split("::")[1]', "b"),
        ("\"a-b-c\".Split(new[]{'-'}, 2)[1]", "b-c"),
        ('" a ".Trim() + "xxaxx".Trim(\'x\') + "a/".TrimEnd(\'/\')', "aaa"),
        ('"Hello".Replace("l", "L").ToUpper().ToLowerInvariant()', "hello"),
        ('"Hello".StartsWith("he", StringComparison.OrdinalIgnoreCase)', "True"),
        ('"Hello".IndexOf(\'l\') + "Hello".IndexOf("z") + "Hello".LastIndexOf(\'l\')', "4"),
        ('"Hello".Contains("ell") && !"Hello".EndsWith("O")', "True"),
        ('"7".PadLeft(3, \'0\') + "7".PadRight(3) + "|"', "0077  |"),
        ('string.Join(",", new[]{1,2,3}) + string.Join("-", "a", "b")', "1,2,3a-b"),
        ('string.Format("{0}:{1:X2}:{0}", "a", 255)', "a:FF:a"),
        ('string.Concat("a", 1, null, true)', "a1True"),
        ('string.Compare("a", "B") < 0 && string.Compare("a", "A", true) == 0', "True"),
        ('string.IsNullOrEmpty("") && string.IsNullOrWhiteSpace(" ") && !string.IsNullOrEmpty("a")', "True"),
        ('new string(\'a\', 3) + "abc".Insert(1, "-").Remove(0, 1)', "aaa-bc"),
        ('String.Equals("a", "A", StringComparison.OrdinalIgnoreCase)', "True"),
        ("char.IsDigit('5') && char.IsLetter(\"a1\", 0) && char.ToUpper('a') == 'A'", "True"),
        ("new StringBuilder().Append(1).AppendLine(\"x\").Append('c', 2).ToString().Length", "6"),
    ],
    "numbers": [
        ('int.Parse(" -42 ") + long.Parse("1") + Convert.ToInt32("8")', "-33"),
        ('double.Parse("1,234.5")', "1234.5"),
        ("Convert.ToInt32(2.5) + Convert.ToInt32(3.5) + Convert.ToInt32(true) + Convert.ToInt32((string)null)", "7"),
        ("Math.Max(1, 2.5) + Math.Min(3, 4) + Math.Abs(-2)", "7.5"),
        ("Math.Round(2.5) + Math.Round(2.345, 2) + Math.Ceiling(0.1) + Math.Floor(-0.1)", "4.34"),
        ("Math.Round(2.5, MidpointRounding.AwayFromZero)", "3"),
        ("Math.Pow(2, 10) + Math.Sqrt(9)", "1027"),
        ('(1234.5).ToString("N1") + (5).ToString("D3") + (0.256).ToString("P0")', "1,234.500526 %"),
        ('(1234.5).ToString("0.00") + (7).ToString("000") + (0.5).ToString("#.##")', "1234.50007.5"),
        ('(255).ToString("x") + (1e10).ToString("E2") + (1.5m).ToString("F0")', "ff1.00e+0102".replace("e", "E")),
        ('Convert.ToInt32("ff", 16) + Convert.ToString(10, 2)', "2551010"),
    ],
    "json": [
        ('JObject.Parse("{\\"a\\":{\\"b\\":[1,2]}}")["a"]["b"][1]', "2"),
        ('JObject.Parse("{\\"a\\":null}")["a"].Type', "Null"),
        ('JObject.Parse("{\\"a\\":1.0,\\"b\\":true}").ToString(Formatting.None)', '{"a":1.0,"b":true}'),
        ('(int)JToken.Parse("5") + (int)JToken.Parse("\\"6\\"")', "11"),
        ('JObject.Parse("{}").Value<int>("a") + JObject.Parse("{\\"a\\":\\"7\\"}").Value<int>("a")', "7"),
        ('JObject.Parse("{}").Value<string>("a") == null', "True"),
        ('(int?)JObject.Parse("{}")["a"] == null', "True"),
        (
            'JObject.FromObject(new { A = 1, B = new[]{"x"} }).ToString(Newtonsoft.Json.Formatting.None)',
            '{"A":1,"B":["x"]}',
        ),
        ('JsonConvert.SerializeObject(new Dictionary<string, object>{{"a", 1.5}, {"b", null}})', '{"a":1.5,"b":null}'),
        ('JsonConvert.SerializeObject("a\\"é\\n")', '"a\\"é\\n"'),
        ('JsonConvert.DeserializeObject<List<string>>("[\\"a\\"]").Count', "1"),
        ('JsonConvert.DeserializeObject<Dictionary<string, int>>("{\\"a\\":1}")["a"]', "1"),
        ('JArray.Parse("[1,2,3]").Where(t => (int)t > 1).Select(t => t.ToString()).Count()', "2"),
        ('JObject.Parse("{\\"a\\":[{\\"n\\":\\"x\\"},{\\"n\\":\\"y\\"}]}").SelectToken("$.a[1].n")', "y"),
        ('string.Join(",", JObject.Parse("{\\"a\\":[{\\"n\\":1},{\\"n\\":2}]}").SelectTokens("a[?(@.n > 1)].n"))', "2"),
        ('new JArray(1, "a", null, new JObject()).ToString(Formatting.None)', '[1,"a",null,{}]'),
        ('new JObject(new JProperty("a", 1, 2)).ToString(Formatting.None)', '{"a":[1,2]}'),
        ('new JObject(new JProperty("a", new JArray())).ToString()', '{\r\n  "a": []\r\n}'),
        ('JToken.DeepEquals(JToken.Parse("[1]"), new JArray(1))', "True"),
    ],
    "linq": [
        ("new[]{3,1,2}.OrderBy(x => x).First() + new[]{3,1,2}.Max() + new[]{1,2}.Sum(x => x * 2)", "10"),
        ("new[]{1,2,3}.Any(x => x > 2) && new[]{1,2,3}.All(x => x > 0) && !new int[0].Any()", "True"),
        ('string.Join(",", new[]{1,2,3,4}.Skip(1).Take(2).Concat(new[]{9}).Reverse())', "9,3,2"),
        ('string.Join(",", new[]{1,2,2,1}.Distinct()) + new[]{"a","b"}.Contains("b")', "1,2True"),
        ('new[]{"b","a"}.Select((x, i) => x + i).Aggregate((a, b) => a + b)', "b0a1"),
        ('new[]{"bb","a","cc"}.OrderByDescending(x => x.Length).ThenBy(x => x).Last()', "a"),
        ('new[]{"x","yy"}.ToDictionary(x => x, x => x.Length)["yy"]', "2"),
        ('new[]{1,2,3}.GroupBy(x => x % 2).Select(g => g.Key + ":" + g.Count()).First()', "1:2"),
        ("new List<string>().FirstOrDefault() == null && new[]{1}.FirstOrDefault(x => x > 5) == 0", "True"),
        ("new[]{1,2}.Average() + Enumerable.Range(5, 2).Sum()", "12.5"),
        ("new[]{new[]{1},new[]{2,3}}.SelectMany(x => x).Count()", "3"),
    ],
    "time": [
        (
            'new DateTime(2024, 2, 29, 13, 5, 9).ToString("yyyy-MM-ddTHH:mm:ss ddd MMM tt")',
            "2024-02-29T13:05:09 Thu Feb PM",
        ),
        ("new DateTime(2024, 1, 31).AddMonths(1).ToString()", "02/29/2024 00:00:00"),
        ('DateTimeOffset.FromUnixTimeSeconds(1700000000).ToString("r")', "Tue, 14 Nov 2023 22:13:20 GMT"),
        ('DateTimeOffset.Parse("2024-01-01T00:00:00+02:00").ToUnixTimeSeconds()', "1704060000"),
        ("(new DateTime(2024, 1, 2) - new DateTime(2024, 1, 1)).TotalHours", "24"),
        ("TimeSpan.FromSeconds(90.5)", "00:01:30.5000000"),
        ('TimeSpan.Parse("1.02:03:04").TotalSeconds', "93784"),
        ("new TimeSpan(1, 2, 3) > TimeSpan.FromHours(1)", "True"),
        ('DateTime.Parse("2024-05-06T07:08:09Z").Hour + (int)DateTime.Parse("2024-05-06").DayOfWeek', "8"),
        ('DateTime.ParseExact("20240506", "yyyyMMdd", null).ToString("o")', "2024-05-06T00:00:00.0000000"),
        ("DateTime.UtcNow.AddSeconds(1) > DateTime.UtcNow && DateTime.MinValue.Year == 1", "True"),
        (
            'JObject.Parse("{\\"d\\":\\"2024-05-06T07:08:09Z\\"}").ToString(Formatting.None)',
            '{"d":"2024-05-06T07:08:09Z"}',
        ),
        ('JObject.Parse("{\\"d\\":\\"2024-05-06T07:08:09Z\\"}")["d"]', "05/06/2024 07:08:09"),
    ],
    "web": [
        ('new Uri("https://a.B:444/c%20d?x=1#f").PathAndQuery + new Uri("http://X/y").Authority', "/c%20d?x=1x"),
        ('Uri.EscapeDataString("a b&c/é") + WebUtility.UrlEncode("a b~")', "a%20b%26c%2F%C3%A9a+b%7E"),
        ('System.Net.WebUtility.HtmlEncode("<\'a\'>") + WebUtility.UrlDecode("a%20b+c")', "&lt;&#39;a&#39;&gt;a b c"),
        (
            'Convert.ToBase64String(Encoding.UTF8.GetBytes("hé")) + Encoding.UTF8.GetString(new byte[]{104, 105})',
            "aMOphi",
        ),
        ("BitConverter.ToString(new byte[]{1, 255})", "01-FF"),
        ('Guid.Parse("{12345678-1234-1234-1234-123456789ABC}").ToString("N")', "12345678123412341234123456789abc"),
        ("Guid.NewGuid() != Guid.NewGuid()", "True"),
        ('XDocument.Parse("<a><b k=\'1\'>t</b></a>").Root.Element("b").Attribute("k").Value', "1"),
        ('new XElement("a", new XAttribute("k", 1), "<").ToString()', '<a k="1">&lt;</a>'),
    ],
    "regex": [
        ('Regex.IsMatch("gpt-4o", "^gpt-\\\\d")', "True"),
        ('Regex.Match("x=12;", @"(?<name>\\w)=(\\d+)").Groups["name"].Value + Regex.Match("a", "b").Success', "xFalse"),
        ('Regex.Match("x=12;", @"(?<name>\\w)=(\\d+)").Groups[1].Value', "12"),
        ('Regex.Replace("a1b22", @"(\\d)+", "<$1>") + Regex.Replace("ab", "b", m => m.Value.ToUpper())', "a<1>b<2>aB"),
        ('string.Join("|", Regex.Split("a, b;c", "[,;]\\\\s*"))', "a|b|c"),
        ('Regex.Matches("aXbX", "x", RegexOptions.IgnoreCase).Count()', "2"),
        ('Regex.IsMatch("foobar", "foo(?=bar)") && !Regex.IsMatch("foobaz", "(?<=foo)bar")', "True"),
        ('new Regex("^a.c$", RegexOptions.Singleline).IsMatch("a\\nc")', "True"),
    ],
}


@pytest.mark.parametrize(("expression", "expected"), [case for cases in TABLE.values() for case in cases])
def test_members_do_what_they_do_in_dotnet(expression: str, expected: str) -> None:
    assert text(expression) == expected


@pytest.mark.parametrize("name", ["SHA1", "SHA256", "SHA384", "SHA512", "MD5"])
def test_hashes_are_the_real_ones(name: str) -> None:
    assert (
        value(f'{name}.Create().ComputeHash(Encoding.UTF8.GetBytes("é"))') == hashlib.new(name, "é".encode()).digest()
    )
    keyed = f'new HMAC{name}(Encoding.UTF8.GetBytes("k")).ComputeHash(Encoding.UTF8.GetBytes("m"))'
    assert value(keyed) == hmac.digest(b"k", b"m", name)


def test_encryption_is_undone_by_decryption() -> None:
    code = (
        '@{ var k = Encoding.UTF8.GetBytes("0123456789abcdef"); var c = Encoding.UTF8.GetBytes("secret")'
        '.Encrypt("Aes", k, k); return c.Length + Encoding.UTF8.GetString(c.Decrypt("Aes", k, k)); }'
    )
    assert text(code) == "16secret"
    assert fails('new byte[3].Decrypt("Aes", new byte[16], new byte[16])') == "CryptographicException"


def token(claims: dict[str, object]) -> str:
    parts = [
        urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=").decode() for part in ({"alg": "RS256", "typ": "JWT"}, claims)
    ]
    return ".".join([*parts, "sig"])


def test_a_jwt_is_read_without_its_signature() -> None:
    coded = token({"iss": "i", "aud": ["a", "b"], "exp": 1700000000, "oid": "o", "roles": ["r1", "r2"]})
    jwt = f'"Bearer {coded}".AsJwt()'
    assert text(f'{jwt}.Issuer + {jwt}.Audiences.Last() + {jwt}.Claims["roles"][1] + {jwt}.Algorithm') == "ibr2RS256"
    assert (
        text(f'{jwt}.Claims.GetValueOrDefault("roles", "") + {jwt}.Claims.GetValueOrDefault("x", "none")')
        == "r1,r2none"
    )
    assert text(f"((DateTime){jwt}.ExpirationTime).Year") == "2023"
    assert value('"nonsense".AsJwt() == null') is True
    assert parse_jwt("a.b.c") is None


def test_basic_credentials_are_read() -> None:
    coded = b64encode(b"user:pass:word").decode()
    assert text(f'"Basic {coded}".AsBasic().UserId + "Basic {coded}".AsBasic().Password') == "userpass:word"
    assert value('"Bearer x".AsBasic() == null') is True


def test_json_trees_change_in_place_and_tokens_with_a_parent_are_copied() -> None:
    code = (
        '@{ var a = JObject.Parse("{\\"x\\":{\\"y\\":1}}"); var b = new JObject(new JProperty("c", a["x"])); '
        'a["x"]["y"] = 2; a.Remove("nope"); a["z"] = new JArray(); ((JArray)a["z"]).Add("q"); '
        'a.Property("z").Value = 5; '
        "return a.ToString(Formatting.None) + b.ToString(Formatting.None); }"
    )
    assert text(code) == '{"x":{"y":2},"z":5}{"c":{"y":1}}'


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ('JObject.Parse("[1]")', "JsonReaderException"),
        ('JObject.Parse("{")', "JsonReaderException"),
        ("JObject.Parse(null)", "ArgumentNullException"),
        ('JObject.Parse("{\\"a\\":1}")[0]', "ArgumentException"),
        ('JArray.Parse("[1]")[5]', "ArgumentOutOfRangeException"),
        ('JToken.Parse("1")["a"]', "InvalidOperationException"),
        ('(int)JToken.Parse("null")', "ArgumentException"),
        ('(int)JToken.Parse("\\"x\\"")', "FormatException"),
        ('(string)JToken.Parse("{}")', "ArgumentException"),
        ('(JObject)JToken.Parse("[]")', "InvalidCastException"),
        ("new int[0].First()", "InvalidOperationException"),
        ("new[]{1,2}.Single()", "InvalidOperationException"),
        ('Convert.FromBase64String("%")', "FormatException"),
        ('new Uri("nope")', "UriFormatException"),
        ('DateTime.Parse("nope")', "FormatException"),
        ("new DateTime(2023, 2, 29)", "ArgumentOutOfRangeException"),
        ('Guid.Parse("x")', "FormatException"),
        ('new Dictionary<string,int>{{"a",1},{"a",2}}', "ArgumentException"),
        ('new Dictionary<string,int>()["a"]', "KeyNotFoundException"),
        ('Regex.IsMatch("a", "(")', "ArgumentException"),
        ("XDocument.Parse(\"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>\")", "XmlException"),
        ('string.Format("{1}", 1)', "FormatException"),
        ('"a".Replace("", "b")', "ArgumentException"),
    ],
)
def test_members_throw_what_they_throw_in_dotnet(expression: str, kind: str) -> None:
    assert fails(expression) == kind


def test_every_documented_member_names_its_fact() -> None:
    members = list(documented_members())
    assert len(members) > 500
    assert all(owner and signature and source[0].isdigit() for owner, signature, source in members)
    named = {(owner, signature) for owner, signature, _ in members}
    assert ("IResponse", "int StatusCode") in named
    assert ("Variables", "T GetValueOrDefault<T>(string name, T defaultValue?)") in named


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('var s = new HashSet<string>(); s.Add("a"); s.Add("a"); return s.Count;', "1"),
        (
            'var s = new HashSet<string> {"a"}; return s.Add("b") + "," + s.Add("a") + "," + s.Remove("z");',
            "True,False,False",
        ),
        ('var s = new HashSet<string>(StringComparer.OrdinalIgnoreCase); s.Add("a"); return s.Contains("A");', "True"),
        ('return string.Join("", new HashSet<string>(new[] {"b", "a", "B"}, StringComparer.OrdinalIgnoreCase));', "ba"),
        ('return new[] {"a"}.ToDictionary(x => x, StringComparer.OrdinalIgnoreCase).ContainsKey("A");', "True"),
    ],
)
def test_a_set_holds_each_value_once_as_its_comparer_sees_it(code: str, expected: str) -> None:
    assert text(f"@{{ {code} }}") == expected


def test_a_type_argument_chooses_the_generic_overload() -> None:
    code = """
        foreach (var property in JObject.Parse("{\\"a\\": {\\"b\\": 1}}").Children<JProperty>()) {
            return property.Value["b"].ToString();
        }
        return "";
    """
    assert text(f"@{{ {code} }}") == "1"
