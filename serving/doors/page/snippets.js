// A request as code: curl, Python, SQL.
import { announce, make } from "./elements.js";

const quoteShell = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const quoteSql = (text) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

/** Return a value as Python writes it. */
function toPython(value) {
  if (value === true) return "True";
  if (value === false) return "False";
  if (value === null || value === undefined) return "None";
  if (Array.isArray(value)) return `[${value.map(toPython).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([name, part]) => `${JSON.stringify(name)}: ${toPython(part)}`).join(", ")}}`;
  return JSON.stringify(value);
}

/** Return a value as Databricks SQL writes it. */
function toSql(value) {
  if (Array.isArray(value)) return `array(${value.map(toSql).join(", ")})`;
  if (value !== null && typeof value === "object") return `named_struct(${Object.entries(value).flatMap(([name, part]) => [quoteSql(name), toSql(part)]).join(", ")})`;
  return typeof value === "string" ? quoteSql(value) : String(value);
}

const SQL_TYPES = { text: "STRING", image: "STRING", integer: "BIGINT", number: "DOUBLE", boolean: "BOOLEAN" };

/** Return the SQL type of an output field. */
function sqlType(field) {
  const struct = field.fields ? `STRUCT<${field.fields.map((part) => `${part.name}: ${sqlType(part)}`).join(", ")}>` : "STRING";
  if (field.kind === "list") return `ARRAY<${struct}>`;
  return field.kind === "object" ? struct : SQL_TYPES[field.kind];
}

/** Return the SQL type of what the stages of a request give. */
function returnType(request, stages) {
  const fields = Object.keys(request).map((name) => `${name}: STRUCT<${stages[name].outputs.map((field) => `${field.name}: ${sqlType(field)}`).join(", ")}>`);
  return `STRUCT<${fields.join(", ")}>`;
}

function makeSnippets(request, { target, stages }) {
  const endpoint = target.startsWith("endpoints:/") ? target.slice("endpoints:/".length) : "multichain";
  const isLocal = /^(models|runs):\//.test(target);
  const uri = isLocal ? target : "models:/multichain@champion";
  const first = Object.keys(request)[0];
  const host = target.startsWith("endpoints:/")
    ? ['"$DATABRICKS_HOST/serving-endpoints/', endpoint, '/invocations" -H "Authorization: Bearer $DATABRICKS_TOKEN"'].join("")
    : `${isLocal ? location.origin : target.replace(/\/$/, "")}/invocations`;
  return {
    curl: `curl ${host} -H 'Content-Type: application/json' \\\n  -d ${quoteShell(JSON.stringify({ inputs: request }))}`,
    Python: `import mlflow\n\nmodel = mlflow.pyfunc.load_model(${JSON.stringify(uri)})\nresponse = model.predict(${toPython(request)})\nprint(response[${JSON.stringify(first)}])`,
    SQL: `SELECT ai_query(\n  ${quoteSql(endpoint)},\n  ${toSql(request)},\n  returnType => '${returnType(request, stages)}'\n)`,
  };
}

/** Return a drawer with the request as code to copy. */
export function makeDrawer(request, description) {
  const parts = Object.entries(makeSnippets(request, description)).map(([language, code]) => {
    const button = make("button", { type: "button" }, `Copy ${language}`);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code);
      announce(`The ${language} code is copied.`);
      button.textContent = `Copied ${language}`;
    });
    return make("div", {}, make("pre", { tabIndex: 0, attributes: { role: "region", "aria-label": `${language} code` } }, code), button);
  });
  return make("details", { className: "code" }, make("summary", {}, "Use this request in code"), ...parts);
}
