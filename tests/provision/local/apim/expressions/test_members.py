"""More members of the types that expressions can name: what .NET answers, member by member."""

# ruff: noqa: E501  # a case reads best as one line of C#

from __future__ import annotations

import pytest

from tests.provision.local.apim.expressions.harness import fails, text

TREE = "{'a': {'b': [1, 2, {'c': 'x'}]}, 'd': null}"

TABLE = {
    "list": [
        ('var l = new List<int> {3, 1}; l.AddRange(new[] {1, 2}); l.Insert(0, 9); return string.Join("", l);', "93112"),
        (
            'var l = new List<int> {3, 1, 2, 1}; l.Remove(1); l.RemoveAt(0); return string.Join("", l) + l.IndexOf(1);',
            "211",
        ),
        ("var l = new List<int> {1, 2, 3}; return l.RemoveAll(x => x > 1) + l.Count;", "3"),
        (
            'var l = new List<string> {"a", "bb"}; return l.Find(x => x.Length == 2) + l.Exists(x => x == "c");',
            "bbFalse",
        ),
        ('var s = ""; new List<int> {1, 2}.ForEach(x => { s += x; }); return s;', "12"),
        ('var l = new List<int> {1, 2}; l.Reverse(); l[0] = 7; return string.Join("", l);', "71"),
        ("var l = new List<int>(new[] {1}); l.Clear(); return l.Count;", "0"),
        ("var a = new[] {5, 6}; return Array.IndexOf(a, 6) + a.Length + (Array.Exists(a, x => x > 9) ? 1 : 0);", "3"),
        (
            'return Array.Find(new[] {"a", "b"}, x => x == "b") + (Array.Find(new[] {"a"}, x => x == "z") == null);',
            "bTrue",
        ),
    ],
    "dictionary": [
        (
            'var d = new Dictionary<string, int> {{"a", 1}}; d.Add("b", 2); d["c"] = 3; '
            'return string.Join(",", d.Keys) + string.Join(",", d.Values) + d.Count;',
            "a,b,c1,2,33",
        ),
        (
            'var d = new Dictionary<string, int> {{"a", 1}}; int v; '
            'return d.TryGetValue("a", out v) + ":" + v + d.TryGetValue("z", out v) + ":" + v;',
            "True:1False:0",
        ),
        (
            'var d = new Dictionary<string, int> {{"a", 1}}; return d.Remove("a") + "" + d.Remove("a") + d.ContainsKey("a");',
            "TrueFalseFalse",
        ),
        ('var d = new Dictionary<string, string>(); return d.GetValueOrDefault("a", "none");', "none"),
        (
            'var d = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase) {{"A", 1}}; return d["a"];',
            "1",
        ),
        ('foreach (var p in new Dictionary<string, int> {{"a", 1}}) { return p.Key + p.Value; } return "";', "a1"),
        ('return new KeyValuePair<string, int>("k", 2).ToString();', "[k, 2]"),
    ],
    "builder": [
        ('return new StringBuilder("abc").Insert(1, "-").Remove(0, 1).Replace("b", "B").ToString();', "-Bc"),
        ('return new StringBuilder().AppendFormat("{0:00}/{1}", 3, "x").ToString();', "03/x"),
        ('var b = new StringBuilder("abc"); b.Clear(); b.Append(\'x\'); return b.Length + "" + b[0];', "1x"),
        ('return new StringBuilder().AppendLine("a").AppendLine().ToString() == "a\\r\\n\\r\\n";', "True"),
    ],
    "json": [
        (f'return JToken.Parse("{TREE}").SelectToken("a.b[2].c").Path;', "a.b[2].c"),
        (f'return string.Join(",", JToken.Parse("{TREE}").SelectTokens("$..c"));', "x"),
        (f'return string.Join(",", JToken.Parse("{TREE}").SelectTokens("a.b[0:2]"));', "1,2"),
        (f'return string.Join(",", JToken.Parse("{TREE}").SelectTokens("a.b[0,2]").Count());', "2"),
        (f'return JToken.Parse("{TREE}").SelectToken("a.z") == null;', "True"),
        (
            f'return JToken.Parse("{TREE}").SelectTokens("$.a.b[-1:]").First()["c"] + "" + JToken.Parse("{TREE}")["a"].SelectTokens("b[::2]").Count();',
            "x2",
        ),
        ("return string.Join(\",\", JToken.Parse(\"{'a': 1, 'b': 2, 'c': 3}\").SelectTokens(\"['c', 'a']\"));", "3,1"),
        (
            f'var t = JObject.Parse("{TREE}"); return t["a"]["b"].First + "" + t["a"]["b"].Last["c"] + t["a"].Parent.Path;',
            "1xa",
        ),
        (f'var t = JObject.Parse("{TREE}"); return t["a"]["b"][2].Root == t;', "True"),
        (f'return JObject.Parse("{TREE}").Descendants().OfType<JValue>().Count();', "4"),
        (
            f'var t = JObject.Parse("{TREE}"); t["d"].Parent.Remove(); return t.Count + "" + t.ContainsKey("d");',
            "1False",
        ),
        (f'var t = JObject.Parse("{TREE}"); t["d"].Replace("new"); return t["d"];', "new"),
        (
            f'var t = JObject.Parse("{TREE}"); return t.Property("a").Name + t.Property("z") + t.Properties().Count();',
            "a2",
        ),
        (
            "var t = JObject.Parse(\"{'A': 1}\"); "
            'return t.GetValue("a") + "" + t.GetValue("a", StringComparison.OrdinalIgnoreCase);',
            "1",
        ),
        (
            'JToken v; var t = JObject.Parse("{\'a\': 1}"); return t.TryGetValue("a", out v) + "" + v + '
            't.TryGetValue("z", out v) + (v == null);',
            "True1FalseTrue",
        ),
        (
            'JToken v; return JObject.Parse("{\'A\': 1}").TryGetValue("a", StringComparison.OrdinalIgnoreCase, out v) + "" + v;',
            "True1",
        ),
        (
            'var t = new JObject(); t.Add("a", 1); t.Add(new JProperty("b", true)); return t.ToString(Formatting.None);',
            '{"a":1,"b":true}',
        ),
        ("var t = JObject.Parse(\"{'a': 1}\"); t.RemoveAll(); return t.HasValues;", "False"),
        (
            'var t = JArray.Parse("[1, 2]"); t.Insert(0, 0); t.AddFirst("f"); t.RemoveAt(3); t.Add(9); '
            "return t.ToString(Formatting.None);",
            '["f",0,1,9]',
        ),
        ('var t = JArray.Parse("[1, 2]"); t.Remove(t[0]); return t.Count + "" + t[0];', "12"),
        (
            "var t = JObject.Parse(\"{'a': {'x': 1}, 'l': [1]}\"); t.Merge(JObject.Parse(\"{'a': {'y': 2}, 'l': [2]}\")); "
            "return t.ToString(Formatting.None);",
            '{"a":{"x":1,"y":2},"l":[1,2]}',
        ),
        (
            'var a = JObject.Parse("{\'a\': [1]}"); var b = (JObject)a.DeepClone(); b["a"][0] = 2; return a["a"][0] + "" + b["a"][0];',
            "12",
        ),
        ('return new JValue(5).Value + "" + new JValue("a").Type + JValue.CreateNull().Type;', "5StringNull"),
        ('return JArray.Parse("[1, 2]").Values<int>().Sum() + JArray.Parse("[3]").Children().Count();', "4"),
        ("return string.Join(\",\", JArray.Parse(\"['a', 'b']\").ToObject<string[]>());", "a,b"),
        ('return JObject.Parse("{\'a\': \'5\'}").Value<int?>("a") + JToken.Parse("7").ToObject<int>();', "12"),
        ('return JToken.FromObject(1.5).Type + "" + JArray.FromObject(new[] {1, 2}).Count;', "Float2"),
        (
            'return JsonConvert.SerializeObject(new { a = 1 }, Formatting.Indented) == "{\\r\\n  \\"a\\": 1\\r\\n}";',
            "True",
        ),
        ('return JsonConvert.ToString("a\\"b");', '"a\\"b"'),
        (
            'return (string)JToken.Parse("1.50") + (bool)JToken.Parse("\'true\'") + (long)JToken.Parse("12");',
            "1.5True12",
        ),
        ("return (DateTime)JToken.Parse(\"'2024-05-06T07:08:09Z'\") == new DateTime(2024, 5, 6, 7, 8, 9);", "True"),
        ("return (Guid)JToken.Parse(\"'12345678-1234-1234-1234-123456789abc'\") == Guid.Empty;", "False"),
        ('return ((JArray)JObject.Parse("{\'a\': [1]}")["a"]).Count + JObject.Parse("{\'a\': 1}").Count;', "2"),
    ],
    "linq": [
        ("return new[] {1, 2, 3}.TakeWhile(x => x < 3).Count() + new[] {1, 2, 3}.SkipWhile(x => x < 3).First();", "5"),
        (
            'return string.Join("", new[] {1, 2}.Union(new[] {2, 3})) + string.Join("", new[] {1, 2}.Except(new[] {2}));',
            "1231",
        ),
        ('return string.Join("", new[] {1, 2}.Intersect(new[] {2, 3}).Append(9).Prepend(0));', "029"),
        ('return string.Join("", new[] {1, 2}.Zip(new[] {"a", "b"}, (n, s) => n + s));', "1a2b"),
        ("return new int[0].DefaultIfEmpty(5).Single() + new[] {1}.SingleOrDefault(x => x > 3);", "5"),
        (
            "return new[] {1, 2}.ElementAt(1) + new[] {1}.ElementAtOrDefault(5) + new[] {4, 2}.Min() + new[] {1}.LastOrDefault();",
            "5",
        ),
        ("return new[] {1, 2}.Last(x => x < 2) + new[] {1, 2}.LongCount(x => x > 0);", "3"),
        ("return new[] {1, 2}.SequenceEqual(new List<int> {1, 2});", "True"),
        ("return new[] {1, 2, 3}.Aggregate(10, (sum, x) => sum + x);", "16"),
        ('return new object[] {1, "a", 2}.OfType<int>().Sum() + new object[] {1, 2}.Cast<int>().Max();', "5"),
        ('return string.Join("", Enumerable.Repeat("ab", 2)) + Enumerable.Empty<int>().Count();', "abab0"),
        ("return new[] {1.5, 2.5}.Sum() + new[] {1, 2}.Average(x => x * 2.0);", "7"),
        ('return string.Join(",", new[] {"b", "A", "a"}.OrderBy(x => x, StringComparer.OrdinalIgnoreCase));', "A,a,b"),
        (
            'return string.Join(" ", new[] {"aa", "b", "cc"}.GroupBy(x => x.Length).OrderBy(g => g.Key)'
            '.Select(g => g.Key + string.Join("", g)));',
            "1b 2aacc",
        ),
        (
            'return string.Join(",", new[] {"b", "A", "a", "B"}.OrderBy(x => x, StringComparer.Ordinal)) + " " + '
            'string.Join(",", new[] {"b", "A", "a"}.OrderByDescending(x => x.Length).ThenBy(x => x, StringComparer.Ordinal));',
            "A,B,a,b A,a,b",
        ),
        ('return new[] {"a", "b"}.ToDictionary(x => x)["b"] + new[] {3, 4}.ToList().IndexOf(4);', "b1"),
    ],
    "string": [
        ('return "abcabc".IndexOf("c", 3) + "abcabc".IndexOf(\'a\', 1) + "abc".IndexOfAny(new[] {\'c\', \'b\'});', "9"),
        ('return "  a ".TrimStart() + "|" + "xxa".TrimStart(\'x\') + "|";', "a |a|"),
        ('return "aXbX".LastIndexOf("X") + string.CompareOrdinal("b", "a") + "a".CompareTo("b");', "3"),
        (
            'return "abc".Remove(1) + "abc".ToCharArray().Length + "a".Equals("A", StringComparison.OrdinalIgnoreCase);',
            "a3True",
        ),
        (
            "return char.IsWhiteSpace(' ') && char.IsUpper('A') && char.IsLetterOrDigit('1') && char.IsPunctuation('!');",
            "True",
        ),
        (
            "return char.ToLower('A') + \"\" + char.GetNumericValue('7') + char.ToString('x') + 'a'.CompareTo('b');",
            "a7x-1",
        ),
        ('return "a".PadLeft(3) + "|" + "abc".Substring(3) + "|" + string.Empty.Length;', "  a||0"),
        ('return "a\\tb".Split()[1] + "a,b;c".Split(new[] {",", ";"}, StringSplitOptions.None).Length;', "b3"),
        ('return string.Join("|", "a,b,c".Split(new[] {\',\'}, 2));', "a|b,c"),
        ('return string.Format("{0,5}|{0,-5}|{1:N0}|{{}}", "a", 1234);', "    a|a    |1,234|{}"),
        ('return $"{1 + 1:D2}|{"a",3}|{{x}}";', "02|  a|{x}"),
        ('return "Hello".Contains("HE", StringComparison.OrdinalIgnoreCase) + "" + "x".StartsWith(\'x\');', "TrueTrue"),
    ],
    "numbers": [
        ('int n; return int.TryParse("12", out n) + "" + n + int.TryParse("x", out n) + n;', "True12False0"),
        ("return int.MaxValue + long.MinValue.ToString() + byte.MaxValue;", "2147483647-9223372036854775808255"),
        ("return double.IsNaN(double.NaN) && double.IsInfinity(1.0 / 0) && double.PositiveInfinity > 1;", "True"),
        ("return Math.Truncate(-2.7) + Math.Sign(-3) + Math.Log10(1000) + Math.Log(8, 2) + Math.Exp(0);", "4"),
        ("return Math.Round(1.005m, 2) + Math.Ceiling(1.2m) + Math.Floor(-1.2m);", "1.00"),
        ("return 5.CompareTo(3) + (2.5).CompareTo(2.5) + 7 / 2 + -7 / 2 + -7 % 3;", "0"),
        ('return decimal.Parse("1.50") + "" + (1.10m + 1.1m) + (0.1 + 0.2);', "1.502.200.30000000000000004"),
        (
            'return (1234567.891).ToString("N2") + (0.5).ToString("P1") + (42).ToString("X4") + (1.0).ToString();',
            "1,234,567.8950.0 %002A1",
        ),
        ('return 1e21 + "" + 1e-7 + 123456789012.0 + 0.1f;', "1E+211E-071234567890120.1"),
        ('return uint.Parse("7") + float.Parse("1.5") + short.Parse("2");', "10.5"),
    ],
    "web": [
        ('return new Uri("http://u:p@h:81/a/b?q=1#f").UserInfo + new Uri("http://h/a/b").Segments[1];', "u:pa/"),
        ('return new Uri("http://h:80/x").IsDefaultPort + "" + new Uri("https://h/x").Port;', "True443"),
        (
            'return new Uri("https://h/a?b#c").GetLeftPart(UriPartial.Path) + new Uri("https://h/a").Fragment;',
            "https://h/a",
        ),
        ('return new Uri(new Uri("https://h/a/b"), "../c?d").AbsoluteUri;', "https://h/c?d"),
        (
            'Uri u; return Uri.TryCreate("nope", UriKind.Absolute, out u) + "" + Uri.IsWellFormedUriString("http://h", UriKind.Absolute);',
            "FalseTrue",
        ),
        ('return Uri.UnescapeDataString("a%20b") + Uri.EscapeUriString("a b/c?d=é");', "a ba%20b/c?d=%C3%A9"),
    ],
    "xml": [
        ('return XDocument.Parse("<a><b>1</b><b>2</b></a>").Root.Elements("b").Sum(x => int.Parse(x.Value));', "3"),
        (
            'return XElement.Parse("<a><b><c/></b></a>").Descendants().Count() + XElement.Parse("<a k=\'v\'/>").Attributes().Count();',
            "3",
        ),
        (
            'var e = XElement.Parse("<a><b>1</b></a>"); e.Element("b").SetValue("2"); e.Add(new XElement("c")); return e.ToString(SaveOptions.DisableFormatting);',
            "<a><b>2</b><c /></a>",
        ),
        (
            'var e = XElement.Parse("<a k=\'1\'><b/></a>"); e.SetAttributeValue("k", "2"); e.Element("b").Remove(); return e;',
            '<a k="2" />',
        ),
        (
            'XNamespace n = "urn:x"; return XElement.Parse("<a xmlns=\'urn:x\'><b>t</b></a>").Element(n + "b").Value;',
            "t",
        ),
        (
            "return XElement.Parse(\"<x:a xmlns:x='urn:y'/>\").Name.LocalName + XElement.Parse(\"<x:a xmlns:x='urn:y'/>\").Name.NamespaceName;",
            "aurn:y",
        ),
        (
            'return XElement.Parse("<a><b/></a>").HasElements + "" + (XElement.Parse("<a/>").Element("z") == null);',
            "TrueTrue",
        ),
        ('return XElement.Parse("<a>x<b>y</b>z</a>").Value;', "xyz"),
        (
            'return XElement.Parse("<a><b><c/></b><d>t</d></a>");',
            "<a>\r\n  <b>\r\n    <c />\r\n  </b>\r\n  <d>t</d>\r\n</a>",
        ),
        (
            'return XElement.Parse("<a>x<b/>z</a>") + "" + XDocument.Parse("<a>\\n <b/>\\n</a>");',
            "<a>x<b />z</a><a>\r\n  <b />\r\n</a>",
        ),
    ],
    "other": [
        ('return "a".GetType().Name + (1).GetType().FullName;', "StringSystem.Int32"),
        ('return "a".Equals((object)"a") + "" + object.Equals(1, 1) + (1).Equals(2);', "TrueTrueFalse"),
        (
            'bool b; return bool.TryParse("TRUE", out b) + "" + b + bool.Parse("false") + bool.TrueString;',
            "TrueTrueFalseTrue",
        ),
        (
            'Guid g; return Guid.TryParse("x", out g) + "" + g + Guid.Empty.ToByteArray().Length;',
            "False00000000-0000-0000-0000-00000000000016",
        ),
        (
            'try { throw new Exception("a", new Exception("b")); } catch (Exception e) { return e.Message + e.InnerException.Message; }',
            "ab",
        ),
        (
            'try { object o = null; return o.ToString(); } catch (NullReferenceException) { return "null"; } finally { }',
            "null",
        ),
        ("return new Random(1).Next(5, 6) + (new Random().NextDouble() < 1 ? 1 : 0);", "6"),
        ("return (int)DayOfWeek.Friday + DayOfWeek.Friday.ToString();", "5Friday"),
        (
            'return TimeSpan.FromMinutes(1.5).ToString(@"mm\\:ss") + TimeSpan.FromTicks(10000000).Seconds + TimeSpan.Zero;',
            "01:30100:00:00",
        ),
        (
            "return TimeSpan.FromHours(25).Days + TimeSpan.FromHours(25).Hours + TimeSpan.FromSeconds(-5).Duration().TotalSeconds;",
            "7",
        ),
    ],
}


@pytest.mark.parametrize(("code", "expected"), [case for cases in TABLE.values() for case in cases])
def test_members_do_what_they_do_in_dotnet(code: str, expected: str) -> None:
    assert text(f"@{{ {code} }}") == expected


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (f'return JToken.Parse("{TREE}").SelectToken("a.b[*]");', "JsonException"),
        (f'return JToken.Parse("{TREE}").SelectToken("a.z", true);', "JsonException"),
        ('var t = JArray.Parse("[]"); t[0] = 1; return 0;', "ArgumentOutOfRangeException"),
        ('var t = new JObject(); t.Add("a", 1); t.Add("a", 2); return 0;', "ArgumentException"),
        ("return new List<int>()[0];", "ArgumentOutOfRangeException"),
        ("return new[] {1}[1];", "IndexOutOfRangeException"),
        ('return "abc".Substring(2, 5);', "ArgumentOutOfRangeException"),
        ('return "abc"[3];', "IndexOutOfRangeException"),
        ("return new int[0].Max();", "InvalidOperationException"),
        ("return new[] {1, 2}.SingleOrDefault();", "InvalidOperationException"),
        ("return new[] {1}.ElementAt(4);", "ArgumentOutOfRangeException"),
        ('return new object[] {"a"}.Cast<int>().First();', "InvalidCastException"),
        ('return bool.Parse("yes");', "FormatException"),
        ('return byte.Parse("256");', "OverflowException"),
        ("var zero = 0; return 1 / zero;", "DivideByZeroException"),
        ('return XElement.Parse("<a>");', "XmlException"),
        ('return TimeSpan.Parse("soon");', "FormatException"),
    ],
)
def test_members_throw_what_they_throw_in_dotnet(code: str, kind: str) -> None:
    assert fails(f"@{{ {code} }}") == kind
