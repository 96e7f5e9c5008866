export default { fetch: () => new Response("a test") };
