// Calls an MCP server with the official TypeScript client, and prints what came as JSON.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

const client = new Client({ name: "multichain-test", version: "1.0.0" });
await client.connect(new StreamableHTTPClientTransport(new URL(process.argv[2])));
const { tools } = await client.listTools();
const answer = await client.callTool({ name: "qa", arguments: { question: "What does a night cost?" } });
const picture = await client.callTool({ name: "image_generation", arguments: { prompt: "A pixel" } });
const refusal = await client.callTool({ name: "delete_everything", arguments: {} }).then(() => "", (error) => error.message);
console.log(JSON.stringify({
  tools: tools.map((tool) => tool.name),
  text: answer.content[0].text,
  kinds: picture.content.map((block) => block.type),
  refusal,
}));
await client.close();
