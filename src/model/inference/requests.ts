/** A request before it has its id; a union stays one. */
type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

/** Requests to another thread or process, each of which is answered once, by a message with the request's id. */
export interface Requests<Request, Response> {
  ask(request: WithoutId<Request>): Promise<Response>;
  /** Call it with every message that comes in. */
  settle(response: Response): void;
  /** Rejects what is open, in the order it was asked, and what is still to be asked. */
  end(error: Error): void;
}

/** @param post sends a request away */
export function openRequests<Request extends { id: number }, Response extends { id: number }>(
  post: (request: Request) => void,
): Requests<Request, Response> {
  const pending = new Map<number, { resolve: (response: Response) => void; reject: (error: Error) => void }>();
  let nextId = 0;
  let ended: Error | undefined;
  return {
    ask(request) {
      return new Promise((resolve, reject) => {
        if (ended) return reject(ended);
        const id = nextId++;
        pending.set(id, { resolve, reject });
        post({ ...request, id } as unknown as Request);
      });
    },
    settle(response) {
      pending.get(response.id)?.resolve(response);
      pending.delete(response.id);
    },
    end(error) {
      ended = error;
      for (const { reject } of pending.values()) reject(error);
      pending.clear();
    },
  };
}
